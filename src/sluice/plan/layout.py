"""The layout of a delivery: folders and file names from their templates, and the manifest's place.

Eight of the macros are those of Experience Platform's dataset export; five are Sluice's own.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime

from sluice.definition.models.catalog import Dataset, Segment
from sluice.definition.models.connection import Connection
from sluice.definition.models.export import Export
from sluice.definition.models.macros import DEFAULT_FOLDERS, expand
from sluice.definition.models.project import Settings
from sluice.model.run import Run
from sluice.plan.model import PART, PIECE

_DATE_LETTERS = {"YYYY": "%Y", "yyyy": "%Y", "MM": "%m", "DD": "%d", "dd": "%d", "HH": "%H", "mm": "%M"}
_DATE_LETTERS |= {"SS": "%S", "ss": "%S"}
_DATE_FIELD = re.compile("|".join(_DATE_LETTERS))


def format_time(pattern: str, time: datetime) -> str:
    """Format a time with Experience Platform's letters `YYYY MM DD HH mm ss`. Upper and lower case are equal, except
    that `MM` means months, or minutes after the hour."""

    def spell(found: re.Match[str]) -> str:
        after_hour = pattern[: found.start()].rstrip(":._-").endswith("HH")
        return time.strftime("%M" if found.group() == "MM" and after_hour else _DATE_LETTERS[found.group()])

    return _DATE_FIELD.sub(spell, pattern)


Values = Mapping[str, Callable[[str | None], str]]
"""A function for each macro that returns its value. Its argument is the macro's format, or None."""


def values_of(
    export: Export, connection: Connection, dataset: Dataset, segment: Segment | None, run: Run, settings: Settings
) -> Values:
    """The values of the macros for one feed in this run."""
    return {
        "DATASET_ID": lambda _: dataset.id or dataset.name,
        "DATETIME": lambda pattern: format_time(pattern or "YYYYMMDD_HHmmss", run.time),
        "DESTINATION": lambda _: connection.destination.type,
        "DESTINATION_INSTANCE_ID": lambda _: connection.name,
        "DESTINATION_INSTANCE_NAME": lambda _: connection.title or connection.name,
        "EXPORT_NAME": lambda _: export.name,
        "EXPORT_TIME": lambda _: f"exportTime={run.time:%Y%m%d%H%M}",
        "ORGANIZATION_NAME": lambda _: settings.organization,
        "PART": lambda _: PART,
        "RUN_ID": lambda _: str(run.id),
        "SANDBOX_NAME": lambda _: settings.sandbox,
        "SEGMENT_ID": lambda _: segment.name if segment else dataset.name,
        "SEGMENT_NAME": lambda _: segment.name if segment else dataset.name,
    }


def render_folder(export: Export, values: Values) -> str:
    """The folder of one feed, relative to the connection's folder; empty for `/`."""
    folder = expand(export.folder or DEFAULT_FOLDERS[export.kind], values)
    return "/".join(level for level in folder.split("/") if level)


def render_file(export: Export, run: Run, index: int, values: Values) -> str:
    """The pattern of one feed's file names, without numbers and extension: as declared, or the pattern of Experience
    Platform's dataset export."""
    return expand(export.file, values) or f"part-{PART}-tid-{run.transaction}-{run.id}-{index}-1-c{PIECE}"


def manifest_name(export: Export, connection: Connection, folders: Sequence[str], run: Run) -> str:
    """The manifest's name, in the pattern of Experience Platform's dataset export. Its folder is the declared one, or
    the deepest folder that all feeds share."""
    folder = export.manifest.folder
    if folder is None:
        folder = _shared(folders)
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
