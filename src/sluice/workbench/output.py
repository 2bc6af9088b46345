"""The fields and the format of an export's file: Output Fields and Output Format."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple

from sluice.definition.models.catalog import Dataset
from sluice.workbench.level import column_of, metric_of, unknown
from sluice.workbench.parse import Entry
from sluice.workbench.report import Report
from sluice.workbench.text import folded, raw_at

_NAMED = re.compile(r"%%|%([^%\r\n]+)%")
"""A percent sign, or a field by name or by number."""
_SPELLED = {"\t": r"\t", "\r": r"\r", "\n": r"\n", "\\": r"\\"}


class _Field(NamedTuple):
    """A field, with the name by which Data Workbench knows it."""

    declared: Mapping[str, Any]
    name: str
    output: str


@dataclass(frozen=True)
class Output:
    """The fields and the format, as they are declared."""

    fields: list[dict[str, Any]]
    format: dict[str, Any]
    outputs: Mapping[str, str]
    """The names in the file, by Data Workbench's names."""

    def output_of(self, name: str) -> str | None:
        """The name in the file of a field that Data Workbench knows by this name."""
        spelled = {folded(known): output for known, output in self.outputs.items()}
        return self.outputs.get(name) or spelled.get(folded(name))


def output_of(query: Entry, dataset: Dataset, report: Report) -> Output:
    """Read both. Raises `DefinitionError` for a field that the dataset does not have or the format does not fit."""
    form, listed = query.get("Output Format"), query.get("Output Fields")
    text = form.text if form else ""
    names = [name for name in _NAMED.findall(text) if name and not name.isdigit()]
    if form and names:
        return _legacy(form, text, query, dataset, report)
    fields = list(_listed(listed, dataset, report))
    if not fields:
        where = listed or form or query
        raise where.error("the export has no Output Fields", "add the fields to deliver")
    _differ(listed, fields)
    return Output([dict(one.declared) for one in fields], _format(query, form, text, fields, report), _names(fields))


def _listed(listed: Entry | None, dataset: Dataset, report: Report) -> Iterator[_Field]:
    for column in listed.entries.values() if listed else ():
        name, title = column.get("Field Name"), column.get("Column Name")
        if name is None or not name.value:
            raise (name or column).error("the column has no Field Name", "name a dimension or, with `=`, a metric")
        found = _field(name, name.text, title.text if title else "", dataset)
        report.taken(name, _becomes(found))
        report.taken(title, f"fields: as: {found.output}")
        yield found


def _field(entry: Entry, name: str, title: str, dataset: Dataset, at: int = 0) -> _Field:
    if not name.startswith("="):
        column = column_of(name, dataset)
        output = title or name
        return _Field({"field": column, **({"as": output} if output != column else {})}, name, output)
    wanted = name.removeprefix("=")
    metric = metric_of(wanted, dataset)
    if metric is None:
        what = f"`{dataset.name}` has no metric `{wanted[:60]}`"
        advice = f"declare it: `metrics` of `{dataset.name}` in catalog/datasets.yaml, as an expression on one row"
        raise unknown(entry, what, list(dataset.metrics), advice, at=at)
    output = title or wanted
    return _Field({"metric": metric, **({"as": output} if output != metric else {})}, name, output)


def _becomes(field: _Field) -> str:
    (key, value), *_ = field.declared.items()
    return f"fields: {key}: {value}"


def _names(fields: list[_Field]) -> dict[str, str]:
    return {name: one.output for one in reversed(fields) for name in (one.name, one.output)}


def _differ(listed: Entry | None, fields: list[_Field]) -> None:
    columns = list(listed.entries.values()) if listed else []
    seen: dict[str, int] = {}
    for index, one in enumerate(fields):
        if (first := seen.setdefault(one.output.lower(), index)) != index:
            what = f"columns {first} and {index} would both be named `{one.output}` in the file"
            raise columns[index].error(what, "give one of them another Column Name")


def _format(query: Entry, form: Entry | None, text: str, fields: list[_Field], report: Report) -> dict[str, Any]:
    header, escaped = query.get("Add Header"), query.get("Escape Fields")
    titles = [entry.text for entry in _titles(query)]
    with_header = header.value.lower() == "true" if header and header.value else bool(titles) and all(titles)
    if (kind := text.strip().lower()) in ("csv", "tsv"):
        report.taken(form, f"format: type: csv{', delimiter: tab' if kind == 'tsv' else ''}")
        report.taken(header, "format: header")
        report.taken(escaped, "format: quoting")
        plain = escaped is not None and escaped.value.lower() == "false"
        found: dict[str, Any] = {"type": "csv", "compression": "none", "header": with_header}
        return found | ({"delimiter": "tab"} if kind == "tsv" else {}) | ({"quoting": "none"} if plain else {})
    report.taken(header, "format: header")
    report.left_out(escaped, "it is for CSV and TSV: a value with a separator fails the run here")
    if form is None or not text.strip():
        line = r"\t".join(f"%{number}%" for number in range(1, len(fields) + 1)) + r"\r\n"
        report.changed(form, "format: template: tabs between the fields, as none is given")
        return _template(line, header=with_header)
    for found_at in _NAMED.finditer(text):
        if found_at[1] and not 1 <= int(found_at[1]) <= len(fields):
            what = f"the format uses field {found_at[1][:9]}, but there are {len(fields)} Output Fields"
            raise form.error(what, at=raw_at(form.value, found_at.start()))
    _check_signs(form, text)
    return _lines(form, _spelled(text), report, header=with_header)


def _titles(query: Entry) -> Iterator[Entry]:
    listed = query.get("Output Fields")
    for column in listed.entries.values() if listed else ():
        if title := column.get("Column Name"):
            yield title


def _legacy(form: Entry, text: str, query: Entry, dataset: Dataset, report: Report) -> Output:
    """The older form names its fields in the format: `%Dimension%`, `%=Metric%`."""
    _check_signs(form, text)
    numbers: dict[str, int] = {}
    fields: list[_Field] = []
    for found in _NAMED.finditer(text):
        if not found[1]:
            continue
        name = found[1].strip()
        if name.isdigit():
            what = f"the format has fields by name and by number: `%{name[:9]}%`"
            raise form.error(what, "write all of them by number", at=raw_at(form.value, found.start()))
        if name not in numbers:
            one = _field(form, name, "", dataset, raw_at(form.value, found.start()))
            if any(one.output.lower() == other.output.lower() for other in fields):
                what = f"two fields would be named `{one.output}` in the file"
                raise form.error(what, at=raw_at(form.value, found.start()))
            numbers[name] = len(fields) + 1
            fields.append(one)
    spelled, last = "", 0
    for found in _NAMED.finditer(text):
        spelled += _spelled(text[last : found.start()])
        spelled += f"%{numbers[found[1].strip()]}%" if found[1] else "%%"
        last = found.end()
    spelled += _spelled(text[last:])
    header = query.get("Add Header")
    report.taken(header, "format: header")
    report.left_out(query.get("Escape Fields"), "it is for CSV and TSV: a value with a separator fails the run here")
    with_header = header is not None and header.value.lower() == "true"
    declared = _lines(form, spelled, report, header=with_header)
    report.changed(form, f"format: template: {declared['template']}; its fields are in `fields`")
    return Output([dict(one.declared) for one in fields], declared, _names(fields))


def _check_signs(form: Entry, text: str) -> None:
    """Raises `DefinitionError` for a `%` without its pair."""
    rest = _NAMED.sub(lambda found: " " * len(found[0]), text)
    if (at := rest.find("%")) >= 0:
        raise form.error(
            "a `%` without its pair", "write a field between two `%`, such as %1%", at=raw_at(form.value, at)
        )


def _lines(form: Entry, template: str, report: Report, *, header: bool) -> dict[str, Any]:
    if template.endswith((r"\n", r"\r")):
        report.taken(form, f"format: template: {template}")
        return _template(template, header=header)
    report.changed(form, rf"format: template: {template}\r\n: a line break is added, so that rows can be told apart")
    return _template(template + r"\r\n", header=header)


def _template(template: str, *, header: bool) -> dict[str, Any]:
    return {"type": "template", "template": template, **({"header": True} if header else {})}


def _spelled(text: str) -> str:
    """The text with the escapes of a template."""
    return "".join(_SPELLED.get(character, character) for character in text)
