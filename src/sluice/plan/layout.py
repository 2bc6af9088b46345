"""The layout of a delivery: folders and file names from their templates, and the manifest's place.

Eight of the macros are those of Experience Platform's dataset export; the others are Sluice's own.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime

from sluice.definition.models.catalog import Dataset, Segment
from sluice.definition.models.connection import Connection
from sluice.definition.models.export import Export, may_split
from sluice.definition.models.macros import DATETIME, DEFAULT_FOLDERS, expand, time_format
from sluice.definition.models.project import Settings
from sluice.model.run import Run, unix_ns
from sluice.plan.model import GROUP, PART, PIECE, SPLIT, named


def format_time(pattern: str, time: datetime) -> str:
    """Format a time with Experience Platform's letters."""
    return time.strftime(time_format(pattern))


Values = Mapping[str, Callable[[str | None], str]]
"""A function for each macro that returns its value. Its argument is the macro's format, or None."""


def values_of(
    export: Export, connection: Connection, dataset: Dataset, segment: Segment | None, run: Run, settings: Settings
) -> Values:
    """The values of the macros for one feed in this run."""
    name = segment.name if segment else dataset.name
    name += GROUP if may_split(export) else ""
    return {
        "DATASET_ID": lambda _: dataset.id or dataset.name,
        "DATETIME": lambda pattern: format_time(pattern or DATETIME, run.time),
        "DESTINATION": lambda _: connection.destination.type,
        "DESTINATION_INSTANCE_ID": lambda _: connection.name,
        "DESTINATION_INSTANCE_NAME": lambda _: connection.title or connection.name,
        "EPOCH": lambda _: f"{unix_ns(run.time) // 10**9:010d}",
        "EPOCH_MS": lambda _: f"{unix_ns(run.time) // 10**6:013d}",
        "EXPORT_NAME": lambda _: export.name,
        "EXPORT_TIME": lambda _: f"exportTime={run.time:%Y%m%d%H%M}",
        "ORGANIZATION_NAME": lambda _: settings.organization,
        "PART": lambda _: PART,
        "RUN_ID": lambda _: str(run.id),
        "SANDBOX_NAME": lambda _: settings.sandbox,
        "SEGMENT_ID": lambda _: name,
        "SEGMENT_NAME": lambda _: name,
        "SPLIT": lambda _: SPLIT,
    }


def render_folder(export: Export, values: Values) -> str:
    """The folder of one feed, relative to the connection's folder; empty for `/`."""
    default = export.pattern.folder if export.pattern else DEFAULT_FOLDERS[export.kind]
    folder = expand(export.folder or default, values)
    return "/".join(level for level in folder.split("/") if level)


def render_file(export: Export, run: Run, index: int, values: Values) -> str:
    """The pattern of one feed's file names, without numbers and extension: as declared, or the pattern of Experience
    Platform's dataset export."""
    return expand(export.names.name, values) or f"part-{PART}-tid-{run.transaction}-{run.id}-{index}-1-c{PIECE}"


def trigger_name(export: Export, manifest: str, values: Values) -> str:
    """The name of the delivery's trigger file, next to the manifest; empty if it has none. The values of any feed do: a
    rule refuses macros that differ between feeds."""
    trigger = export.names.trigger
    if trigger is None or not trigger.name:
        return ""
    return f"{manifest.rpartition('/')[0]}/{expand(trigger.name, values)}".lstrip("/")


def manifest_name(export: Export, connection: Connection, folders: Sequence[str], run: Run) -> str:
    """The manifest's name, in the pattern of Experience Platform's dataset export. Its folder is the declared one, or
    the deepest folder that all feeds share, and all groups of segments that may be split."""
    folder = export.manifest.folder
    if folder is None:
        folders = [named(folder, group) for folder in folders for group in (0, 1)]
        levels = export.pattern.levels if export.pattern else None
        folder = "/".join(_shared(folders).split("/")[:levels])
    folder = folder.strip("/")
    stem = f"manifest-{connection.name}-{run.id}.json"
    return f"{folder}/{stem}" if folder else stem


def _shared(folders: Sequence[str]) -> str:
    levels = zip(*(folder.split("/") for folder in folders), strict=False)
    shared: list[str] = []
    for level in levels:
        if len(set(level)) > 1:
            break
        shared.append(level[0])
    return "/".join(shared)
