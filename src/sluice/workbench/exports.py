"""One `.export` file as a segment export and, where it needs one, a segment."""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

from sluice.definition.models.catalog import Dataset, Segment
from sluice.definition.models.chunks import PROFILES
from sluice.errors import DefinitionError
from sluice.model.declared import spell_duration
from sluice.workbench.connections import Imported
from sluice.workbench.files import file_of
from sluice.workbench.filters import condition_of
from sluice.workbench.level import dataset_of, segment_of, unknown
from sluice.workbench.output import output_of
from sluice.workbench.parse import Entry
from sluice.workbench.report import Report
from sluice.workbench.schedule import schedule_of
from sluice.workbench.sending import Files, Sending
from sluice.workbench.source import Source
from sluice.workbench.text import slug

_EXPRESSION = re.compile(
    r'["\u201c\u201d()=<>]|\b(and|any|by|false|matches|no|not|notmatches|or|true)\b', re.IGNORECASE
)
"""What tells a filter expression from the name of a filter."""
_PROFILE = PROFILES["data-workbench"]
_LONGEST_LIMIT = 10 * 365 * 86400


@dataclass
class Project:
    """The catalog that exports are read against. Segments that imports add are added to it."""

    datasets: Mapping[str, Dataset]
    segments: dict[str, Segment]
    commands: Collection[str] = ()
    """The commands that may follow a delivery."""
    new_segments: dict[str, Segment] = field(default_factory=dict)

    def everyone(self, dataset: Dataset) -> Segment:
        """The segment of all rows of a dataset."""
        for one in self.segments.values():
            if one.dataset == dataset.name and (one.where or "").strip().lower() == "true":
                return one
        return self._add(f"all-{dataset.name}"[:100], Segment(name="x", dataset=dataset.name, where="true"))

    def segment(self, name: str, dataset: Dataset, where: str, reads: tuple[str, ...]) -> Segment:
        """The segment with this condition."""
        return self._add(name, Segment(name="x", dataset=dataset.name, where=where, reads=reads))

    def _add(self, name: str, segment: Segment) -> Segment:
        """An equal segment of this name, or a new one, under a name that is free."""
        for number in range(1, len(self.segments) + len(self.datasets) + 2):
            free = name if number == 1 else f"{name[:95]}-{number}"
            wanted = segment.model_copy(update={"name": free})
            if self.segments.get(free) == wanted:
                return wanted
            if free not in self.segments and free not in self.datasets:
                self.segments[free] = self.new_segments[free] = wanted
                return wanted
        raise AssertionError("one of more names than there are declarations is free")


@dataclass(frozen=True)
class Read:
    """An export, as it is declared, and the connection that it sends to."""

    name: str
    values: dict[str, Any]
    connection: Imported | None
    server: str = ""
    """The SFTP server as Data Workbench names it."""


def stem_of(name: str) -> str:
    """The export's name in Data Workbench, from the name of its file."""
    return name.partition(".export")[0] or name


def is_done(name: str) -> bool:
    """Whether Data Workbench has renamed the file, because the export ran once and is done."""
    return ".export.done" in name


def export_of(file: str, root: Entry, project: Project, files: Files, report: Report) -> Read:
    """Read one export; `file` is the name of its file. Raises `DefinitionError` for what would deliver other rows or
    other values than declared."""
    query, stem = root.entries["Query"], stem_of(file)
    name = slug(stem)
    level = query.get("Level")
    dataset = dataset_of(level or query, project.datasets)
    report.taken(level, f"segments: of the dataset {dataset.name}")
    segment = _segment(name, query, dataset, project, report)
    output = output_of(query, dataset, report)
    sent = Sending(query, dataset, output, files, project.commands, report).to()
    values: dict[str, Any] = {
        "name": name,
        "kind": "segment-export",
        "title": stem if stem != name and stem.isprintable() else "",
    }
    values |= {"connection": sent.connection.name if sent.connection else "", "segments": [segment.name]}
    values |= {"fields": output.fields, "format": output.format}
    chunks = dict(sent.connection.chunks) if sent.connection else {}
    values |= {"chunks": chunks} if chunks else {}
    values |= file_of(query.get("Output File"), sent.keys.get("format", output.format), report)
    values |= {"schedule": schedule_of(query, report), **_limit(query.get("Time Limit (sec)"), report), **sent.keys}
    values |= {"enabled": False} if is_done(file) else {}
    return Read(name, values, sent.connection, sent.server)


def _segment(name: str, query: Entry, dataset: Dataset, project: Project, report: Report) -> Segment:
    entry = query.get("Filter")
    text = entry.text.strip() if entry else ""
    if entry is None or not text:
        segment = project.everyone(dataset)
        report.changed(entry, f"segments: {segment.name}: every row of {dataset.name}")
        return segment
    if named := segment_of(text, dataset, project.segments):
        report.taken(entry, f"segments: {named.name}")
        return named
    if not _EXPRESSION.search(text):
        known = [one.name for one in project.segments.values() if one.dataset == dataset.name]
        what = f"no segment of `{dataset.name}` is named `{text[:60]}`"
        raise unknown(entry, what, known, "declare it in catalog/segments.yaml, or name an existing one")
    condition = condition_of(entry, dataset, project.segments)
    segment = project.segment(name, dataset, condition.where, condition.reads)
    report.taken(entry, f"segments: {segment.name}, with the filter as its condition")
    return segment


def _limit(entry: Entry | None, report: Report) -> dict[str, Any]:
    """Data Workbench has a limit even if none is written."""
    if entry is None or not entry.value:
        default = spell_duration(_PROFILE.time_limit or timedelta(0))
        report.changed(entry, f"time_limit: {default}, the default of Data Workbench")
        return {"time_limit": default}
    seconds = float(entry.value)
    if not 0 <= seconds <= _LONGEST_LIMIT:
        raise entry.error("expected 0, or a number of seconds below ten years")
    report.taken(entry, "time_limit: of each attempt of a task" if seconds else "time_limit: none")
    least = 1 if seconds else 0  # a limit that is rounded to none would be the contrary
    return {"time_limit": spell_duration(timedelta(milliseconds=max(least, round(seconds * 1000))))}


def no_two_alike(exports: list[tuple[str, Entry]]) -> None:
    """Raises `DefinitionError` if two files would become one export. The same file may be given twice."""
    seen: dict[str, Source] = {}
    for file, root in exports:
        name, own = slug(stem_of(file)), root.source
        other = seen.setdefault(name, own)
        if (other.name, other.lines) != (own.name, own.lines):
            what = f"this file and {other.name} would both become the export `{name}`"
            raise DefinitionError(what, place=own.place(1), next_step="rename one of the files")
