"""Writes the files of Data Workbench from an export: the `.export` and, for S3, `MMPExport.cfg` without its secrets."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

from sluice.definition.models.catalog import Dataset, Segment
from sluice.definition.models.chunks import STANDARD
from sluice.definition.models.connection import Connection
from sluice.definition.models.export import ExportBase, SegmentExport
from sluice.definition.models.fields import FieldSpec
from sluice.definition.models.project import Project
from sluice.errors import DefinitionError
from sluice.formats import FORMATS
from sluice.formats.base import Format
from sluice.formats.csv import Csv
from sluice.formats.customer_attributes import CustomerAttributes
from sluice.formats.template import Template
from sluice.plan.build import DEFAULT_FORMATS
from sluice.workbench.blocks import MMP, MMP_EXPORT, QUERY, SPELLED, Block, Vector
from sluice.workbench.schedule import spelled_schedule
from sluice.workbench.text import escape, escape_path, folded

_ADVICE = "Data Workbench has no counterpart: keep this export here"
_FILE = re.compile(r"([0-9A-Za-z._-]+)_%RUN_ID%_%PART%")
_SAID = {"kind", "name", "title", "connection", "segments", "fields", "format", "folder", "file", "schedule"}
_SAID |= {"time_limit", "chunks", "audience", "follow_up"}

Values = Mapping[str, Any]
"""The values of a block, by key: a text, the values of a block, or a list of these."""


@dataclass(frozen=True)
class Written:
    """The files as text, and what they cannot say."""

    export: str
    mmp: str | None
    left_out: tuple[str, ...]
    stem: str
    """The name that the `.export` file had, or would have."""


@dataclass
class _Notes:
    """What the files cannot say."""

    lines: list[str] = field(default_factory=list)

    def unless(self, same: object, line: str) -> None:
        if not same:
            self.lines.append(line)


def export_file(project: Project, export: ExportBase) -> Written:
    """The files for an export. Raises `DefinitionError` if it delivers rows or values that they cannot describe."""
    if not isinstance(export, SegmentExport):
        raise _no(export, f"it is a {getattr(export, 'kind', 'export')}, and Data Workbench exports segments")
    if len(export.segments) > 1:
        raise _no(export, "it has several segments, and Data Workbench exports one")
    segment = project.segments[export.segments[0]]
    dataset, connection = project.datasets[segment.dataset], project.connections.get(export.connection)
    notes = _Notes()
    values: dict[str, Any] = {
        "Level": _level(dataset, project),
        "Filter": "" if _is_everyone(segment) else segment.name,
    }
    form = _form(export, connection)
    customers = isinstance(form, CustomerAttributes)
    values |= _command(export, connection, notes, customers=customers)
    values |= {
        "Output Fields": [
            _column(export, index, spec, notes, is_id=customers and not index)
            for index, spec in enumerate(export.fields)
        ]
    }
    values |= _customers(export) if customers else {}
    values |= _format(export, form, notes) | _file(export, form, notes)
    values |= spelled_schedule(export.schedule, notes.lines)
    rules = connection.rules if connection else STANDARD
    values |= {"Time Limit (sec)": _seconds(rules.limit(export.time_limit))}
    for key in sorted(export.model_fields_set - _SAID - ({"manifest"} if customers else set())):
        default = type(export).model_fields[key].get_default(call_default_factory=True)
        notes.unless(getattr(export, key) == default, f"{key}: no counterpart")
    text = "\n".join(_lines("Query", QUERY, values)) + "\n"
    stem = export.title if export.title and not re.search(r'[\\/:*?"<>|]', export.title) else export.name
    return Written(text, _mmp(export, connection, notes), tuple(notes.lines), stem)


def _no(export: ExportBase, why: str) -> DefinitionError:
    error = DefinitionError(f"the export {export.name} cannot be an .export file: {why}", next_step=_ADVICE)
    error.subject = ("exports", export.name)
    return error


def _level(dataset: Dataset, project: Project) -> str:
    """The dataset's title, if it is the only one of that name."""
    name = folded(dataset.title)
    others = [one for one in project.datasets.values() if one.name != dataset.name]
    taken = any(name in (folded(one.name), folded(one.title)) for one in others)
    return dataset.title if name and not taken else dataset.name


def _is_everyone(segment: Segment) -> bool:
    return (segment.where or "").strip().lower() == "true"


def _command(export: SegmentExport, connection: Connection | None, notes: _Notes, *, customers: bool) -> dict[str, Any]:
    step, audience = getattr(export, "follow_up", None), getattr(export, "audience", None)
    found: dict[str, Any] = {}
    if audience is not None:
        found = {"MMP Configuration": {"MMP Segment Name": audience.id, "MMP Visitor ID Field": audience.visitor_id}}
    if step is not None:
        notes.unless(
            step.once_per == "file" or not step.needs_files, "follow_up: once_per: its one file gets the command"
        )
        words = (f'"{word}"' if not word or " " in word else word for word in step.arguments)
        return found | {"Command": f"{step.command}.exe", "Command Arguments": " ".join(words)}
    kind = connection.destination.type if connection else ""
    if kind == "s3" or (customers and not (connection and connection.destination.folder)):
        return found | {"Command": "ExportIntegration.exe", "Command Arguments": '"%file%.cfg" "%file%"'}
    if kind == "sftp" and connection:
        server, folder = connection.title or connection.name, connection.destination.folder or "."
        words = (f'"{word}"' if " " in word else word for word in (server, folder))
        return found | {"Command": "ExportIntegration.exe", "Command Arguments": f'sftp "%file%" {" ".join(words)} -p'}
    notes.unless(not kind, f"connection: Data Workbench does not deliver to a destination of type {kind}")
    return found


def _customers(export: SegmentExport) -> dict[str, Any]:
    """The configuration of customer records: the customer's id, and each attribute."""
    first, *others = export.fields
    if first.field is None:
        raise _no(export, f"the customer's id, {first.output}, is no column")
    attributes = [
        {
            "Attribute Name": spec.output,
            "Attribute Type(int,string)": "string",
            "Field Name": spec.field or f"={spec.metric}",
        }
        for spec in others
    ]
    crs = {"CRS Attributes": attributes, "ECID Field": first.field, "Visitor ID Field": first.field}
    return {"CRS Configuration": crs}


def _column(export: SegmentExport, index: int, spec: FieldSpec, notes: _Notes, *, is_id: bool) -> dict[str, str]:
    if spec.field is None and spec.metric is None:
        raise _no(export, f"the field {spec.output} is an expression or a constant; only a metric can be named")
    if spec.hash or spec.mask:
        raise _no(export, f"the field {spec.output} is hashed or masked")
    notes.unless(not spec.required or is_id, f"fields: {index}: required: rows without a value would be delivered")
    return {"Column Name": spec.name, "Field Name": spec.field if spec.field is not None else f"={spec.metric}"}


def _form(export: SegmentExport, connection: Connection | None) -> Format:
    default = DEFAULT_FORMATS[export.kind]
    return export.format or (connection.format if connection else None) or FORMATS[default](type=default)


def _format(export: SegmentExport, form: Format, notes: _Notes) -> dict[str, str]:
    if isinstance(form, Template):
        notes.unless(form.compression == "none", "format: compression: no counterpart")
        notes.unless(form.null == "" and form.separators == "fail", "format: null and separators: no counterpart")
        return {"Output Format": _raw(form.template), "Add Header": _bool(form.header)}
    if isinstance(form, Csv):
        plain = {"encoding": "utf-8", "line_end": "lf", "null": "", "compression": "none"}
        for key, value in plain.items():
            notes.unless(getattr(form, key) == value, f"format: {key}: no counterpart")
        notes.unless(form.delimiter in (",", "\t", "tab"), "format: delimiter: only a comma or a tab")
        notes.unless(form.quoting in ("minimal", "none"), "format: quoting: only what needs it is quoted, or nothing")
        kind = "tsv" if form.delimiter in ("\t", "tab") else "csv"
        escaped = _bool(form.quoting != "none")
        return {"Output Format": kind, "Add Header": _bool(form.header), "Escape Fields": escaped}
    if isinstance(form, CustomerAttributes):
        notes.unless(form.compression == "none", "format: compression: no counterpart")
        return {"Output Format": "csv", "Add Header": "true"}
    raise _no(export, f"its format is {form.type}, and Data Workbench writes text")


def _raw(template: str) -> str:
    """A template has the escapes of a file already, but for quotes."""
    return template.replace('"', '\\"')


def _file(export: SegmentExport, form: Format, notes: _Notes) -> dict[str, str]:
    if not export.file:
        notes.unless(not export.folder, "folder: no counterpart")
        return {}
    said = isinstance(export.file, str) or isinstance(form, CustomerAttributes)
    notes.unless(said, "file: only its name has a counterpart")
    found = _FILE.fullmatch(export.names.name)
    plain = found is not None and export.folder and "%" not in export.folder
    notes.unless(plain, "file and folder: Data Workbench writes one file, without macros in its name")
    stem = found[1] if found else export.name
    folders = [part for part in export.folder.split("/") if part and "%" not in part]
    extension = form.extension.removesuffix(".gz")
    return {"Output File": "\\".join([*folders, f"{stem}{extension}"])}


def _seconds(limit: timedelta | None) -> str:
    return f"{limit.total_seconds():.3f}".rstrip("0").rstrip(".") if limit else "0"


def _bool(value: bool) -> str:  # noqa: FBT001
    return "true" if value else "false"


def _mmp(export: SegmentExport, connection: Connection | None, notes: _Notes) -> str | None:
    if connection is None or connection.destination.type != "s3":
        return None
    account = getattr(connection, "audience_manager", None)
    folder, chunks = connection.destination.folder, export.chunks
    values: dict[str, Any] = {
        "s3 Bucket": getattr(connection.destination, "bucket", ""),
        "s3 Object Directory": f"{folder}/" if folder else "",
        "data Provider Name": account.data_provider if account else "",
    }
    said = {"records": "numRecordsPerChunk", "threads": "numThreads", "retries": "maxRetriesOnSendFailure"}
    for key, parameter in said.items():
        if key in chunks.model_fields_set and getattr(chunks, key) is not None:
            values[parameter] = str(getattr(chunks, key))
    for key in sorted(chunks.model_fields_set - said.keys()):
        notes.lines.append(f"chunks: {key}: no counterpart")
    return "\n".join(_lines("MMP Export Configuration", MMP_EXPORT, values)) + "\n"


def _lines(key: str, block: Block, values: Values, indent: int = 0) -> Iterator[str]:
    """A block with every parameter that it always has, empty if it has no value."""
    yield f"{' ' * indent}{key} = {block.name}: "
    for name, kind in block.keys.items():
        value, pad = values.get(name), " " * (indent + 2)
        if isinstance(kind, Vector):
            yield from _vector(name, kind, value, indent + 2)
        elif isinstance(kind, Block):
            if value is not None:
                yield from _lines(name, kind, value, indent + 2)
        elif value is not None or block in (QUERY, MMP, MMP_EXPORT):
            spelled = _spelled(name, kind, value or "")
            yield f"{pad}{name} = {'unsigned int' if name.startswith('maxRetries') else SPELLED[kind]}: {spelled}"


def _spelled(name: str, kind: str, value: str) -> str:
    if name == "Output Format":
        return value
    return escape_path(value) if kind == "path" else escape(value)


def _vector(key: str, kind: Vector, items: Sequence[Values] | None, indent: int) -> Iterator[str]:
    if items is None or not isinstance(kind.of, Block):
        return
    yield f"{' ' * indent}{key} = vector: {len(items)} items"
    for number, item in enumerate(items):
        yield from _lines(str(number), kind.of, item, indent + 2)
