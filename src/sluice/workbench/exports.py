"""One `.export` file as a segment export and, where it needs one, a segment."""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

from sluice.definition.models.catalog import Dataset, Segment
from sluice.definition.models.export import SegmentExport
from sluice.errors import DefinitionError
from sluice.model.declared import spell_duration
from sluice.workbench import connections
from sluice.workbench.connections import Imported, if_valid
from sluice.workbench.filters import condition_of
from sluice.workbench.level import dataset_of, segment_of, unknown
from sluice.workbench.output import Output, output_of
from sluice.workbench.parse import Entry
from sluice.workbench.report import Report
from sluice.workbench.schedule import schedule_of
from sluice.workbench.source import Source
from sluice.workbench.target import to_target
from sluice.workbench.text import slug

_PROGRAM = "exportintegration.exe"
_TARGET = "targetbulkupload.exe"
_TO_S3 = re.compile(r'\s*"?%file%\.cfg"?\s+"?%file%"?\s*', re.IGNORECASE)
_TO_SERVER = re.compile(r'\s*(s?ftp)\s+"?%file%"?\s+("[^"]+"|\S+)\s+("[^"]+"|\S+?)(?:\s+-([pk]))?\s*', re.IGNORECASE)
_EXPRESSION = re.compile(
    r'["\u201c\u201d()=<>]|\b(and|any|by|false|matches|no|not|notmatches|or|true)\b', re.IGNORECASE
)
"""What tells a filter expression from the name of a filter."""
_DEFAULT_LIMIT = 600.0
_LONGEST_LIMIT = 10 * 365 * 86400
_SAFE = re.compile(r"[^0-9A-Za-z._-]+")


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
class Files:
    """The other files of an import, as far as they are given."""

    mmp: Imported | None = None
    servers: Entry | None = None
    users: Entry | None = None


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
    connection, server, more = _sent(query, output, files, project, report)
    values: dict[str, Any] = {
        "name": name,
        "kind": "segment-export",
        "title": stem if stem != name and stem.isprintable() else "",
    }
    values |= {"connection": connection.name if connection else "", "segments": [segment.name]}
    values |= {"fields": output.fields, "format": output.format}
    chunks = dict(connection.chunks) if connection else {}
    values |= {"chunks": chunks} if chunks else {}
    values |= _file(query.get("Output File"), more.get("format", output.format), report)
    values |= {"schedule": schedule_of(query, report), **_limit(query.get("Time Limit (sec)"), report), **more}
    values |= {"enabled": False} if is_done(file) else {}
    return Read(name, values, connection, server)


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


def _sent(
    query: Entry, output: Output, files: Files, project: Project, report: Report
) -> tuple[Imported | None, str, dict[str, Any]]:
    """The connection that the command sends the file to, the server's name, and other keys that come of it."""
    command, arguments = query.get("Command"), query.get("Command Arguments")
    program = re.split(r"[\\/]", command.text.strip())[-1].lower() if command else ""
    given = arguments.text if arguments else ""
    if program in (_PROGRAM, "exportintegration"):
        if (found := _TO_SERVER.fullmatch(given)) and arguments:
            return _to_server(command, arguments, found, files, report)
        if _TO_S3.fullmatch(given):
            return _to_s3(query, output, files, report)
        assert command is not None  # noqa: S101 - it has a text
        what = "expected the arguments of an export to S3, FTP or SFTP"
        raise (arguments or command).error(
            what, r"write \"%file%.cfg\" \"%file%\", or sftp \"%file%\" SERVER FOLDER -p"
        )
    if program in (_TARGET, "targetbulkupload"):
        connection, more = to_target(query, output, report)
        return connection, "", more
    if not program:
        report.changed(command, "connection: none: the file stayed on the server; the export is detached")
        return None, "", {}
    step = {"command": slug(program.removesuffix(".exe").removesuffix(".bat")), "arguments": _words(given)}
    if step["command"] not in project.commands:
        for entry in (command, arguments):
            report.left_out(entry, f"`commands` of project.yaml has no `{step['command']}`: add it, and import again")
        return None, "", {}
    return None, "", if_valid(SegmentExport, "follow_up", step, [command, arguments], report)


def _to_s3(query: Entry, output: Output, files: Files, report: Report) -> tuple[Imported | None, str, dict[str, Any]]:
    command, arguments = query.get("Command"), query.get("Command Arguments")
    crs, mmp = query.get("CRS Configuration"), query.get("MMP Configuration")
    mmp_id = mmp.get("MMP Segment Name") if mmp else None
    if crs is not None and not (mmp_id and mmp_id.value):
        for entry in (command, arguments):
            report.left_out(entry, "Experience Cloud fetches customer attributes as files; the export is detached")
        return None, "", {}
    connection = files.mmp.name if files.mmp else ""
    said = f"connection: {connection}" if connection else "connection: none: without --mmp, the export is detached"
    for entry in (command, arguments):
        (report.taken if connection else report.changed)(entry, said)
    return files.mmp, "", _audience(query, mmp, output, files, report)


def _audience(query: Entry, mmp: Entry | None, output: Output, files: Files, report: Report) -> dict[str, Any]:
    """The segment in Audience Manager. Raises `DefinitionError` unless it and the visitor's id are named."""
    reaches = files.mmp is not None and "audience_manager" in files.mmp.values
    if mmp is None and not reaches:
        return {}
    segment, visitor = (mmp.get(key) if mmp else None for key in ("MMP Segment Name", "MMP Visitor ID Field"))
    if segment is None or not segment.value:
        raise (segment or mmp or query).error("the export has no MMP Segment Name", "write the id of its segment there")
    if visitor is None or not visitor.value:
        raise (visitor or mmp or query).error("the export has no MMP Visitor ID Field", "name one of its Output Fields")
    sent = output.output_of(visitor.text)
    if sent is None:
        what = f"no Output Field is named `{visitor.text[:60]}`"
        raise unknown(visitor, what, sorted(output.outputs), "name the field with the visitor's id")
    if not reaches:
        report.left_out(segment, "the connection has no `audience_manager`")
        report.left_out(visitor, "the connection has no `audience_manager`")
        return {}
    found = if_valid(SegmentExport, "audience", {"id": segment.text, "visitor_id": sent}, [segment, visitor], report)
    if not found:
        what = f"`{segment.text[:60]}` is not the id of a segment in Audience Manager"
        raise segment.error(what, "write its number, or `ic:` and its integration code")
    return found


def _to_server(
    command: Entry | None, arguments: Entry, found: re.Match[str], files: Files, report: Report
) -> tuple[Imported | None, str, dict[str, Any]]:
    protocol, server, folder = found[1].lower(), found[2].strip('"'), found[3].strip('"').replace("\\", "/")
    connection = connections.of_server(arguments, server, folder, files.servers, by_key=(found[4] or "").lower() == "k")
    report.taken(command, f"connection: {connection.name}")
    if protocol == "ftp":
        said = f"connection: {connection.name}: by SFTP, because FTP sends passwords and files unencrypted"
        report.changed(arguments, said)
    else:
        report.taken(arguments, f"connection: {connection.name}")
    return connection, server, {}


def _words(text: str) -> list[str]:
    return [quoted or plain for quoted, plain in re.findall(r'"([^"]*)"|(\S+)', text)]


def _file(entry: Entry | None, form: Mapping[str, Any], report: Report) -> dict[str, Any]:
    """The name of the output file, with what keeps the files of two runs apart."""
    parts = re.split(r"[\\/]+", entry.text.strip()) if entry else []
    parts = [part for part in parts if part not in ("", ".")]
    if entry is None or not parts:
        return {}
    if ".." in parts or ":" in parts[0]:
        raise entry.error("the file is outside the folder of exports", "write a path below that folder")
    folders = [_SAFE.sub("-", part).strip("-") for part in parts[:-1] if part.lower() != "exports" or part != parts[0]]
    stem, dot, extension = parts[-1].rpartition(".")
    stem = _SAFE.sub("-", stem if dot and stem else parts[-1]).strip("-.") or "export"
    values = {"folder": "/".join(filter(None, folders)) or "/", "file": f"{stem[:120]}_%RUN_ID%_%PART%"}
    ends = {"template": "txt", "adobe-target": "csv", "csv": "tsv" if form.get("delimiter") == "tab" else "csv"}[
        form["type"]
    ]
    said = "file: each run and each part has its own name, so that no delivery overwrites another"
    if dot and extension.lower() != ends:
        said = f"{said}; the extension is .{ends}"
    report.changed(entry, said)
    return values


def _limit(entry: Entry | None, report: Report) -> dict[str, Any]:
    """Data Workbench has a limit even if none is written."""
    seconds = float(entry.value) if entry and entry.value else _DEFAULT_LIMIT
    if entry is None or not entry.value:
        report.changed(entry, "time_limit: 10m, the default of Data Workbench")
    if entry and entry.value and not 0 <= seconds <= _LONGEST_LIMIT:
        raise entry.error("expected 0, or a number of seconds below ten years")
    if entry and entry.value:
        report.taken(entry, "time_limit: of each attempt of a task" if seconds else "no time_limit")
    length = timedelta(milliseconds=round(seconds * 1000))
    return {"time_limit": spell_duration(length)} if length else {}


def no_two_alike(exports: list[tuple[str, Entry]]) -> None:
    """Raises `DefinitionError` if two files would become one export. The same file may be given twice."""
    seen: dict[str, Source] = {}
    for file, root in exports:
        name, own = slug(stem_of(file)), root.source
        other = seen.setdefault(name, own)
        if (other.name, other.lines) != (own.name, own.lines):
            what = f"this file and {other.name} would both become the export `{name}`"
            raise DefinitionError(what, place=own.place(1), next_step="rename one of the files")
