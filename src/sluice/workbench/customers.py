"""Exports of customer records (CRS): files of customer attributes, which Experience Cloud fetches from an SFTP
account."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from pydantic import TypeAdapter, ValidationError

from sluice.definition.models.catalog import Dataset
from sluice.errors import DefinitionError
from sluice.formats.customer_attributes import why_no_name
from sluice.model.declared import Name
from sluice.workbench.connections import Imported, Needed
from sluice.workbench.level import column_of, unknown
from sluice.workbench.output import Output
from sluice.workbench.parse import Entry
from sluice.workbench.report import Report
from sluice.workbench.source import NOTHING_WRITTEN

_TYPE = "Attribute Type(int,string)"
_CHUNKS = {"bytes": "4 GB"}


def attributes_of(query: Entry) -> Entry | None:
    """The attributes of an export of customer records; None if it is none."""
    crs = query.get("CRS Configuration")
    found = crs.get("CRS Attributes") if crs else None
    return found if found and found.entries else None


def account(name: str, *, declared: bool) -> Imported:
    """The connection of this name. If the project has not `declared` it, it is an SFTP account of Experience Cloud.
    Raises `DefinitionError` if this cannot be a name."""
    try:
        TypeAdapter(Name).validate_python(name)
    except ValidationError:
        what = f"`{name[:60]}` cannot be the name of a connection"
        advice = f"write lower-case letters, digits, `-` and `_`; {NOTHING_WRITTEN}"
        raise DefinitionError(what, next_step=advice) from None
    if declared:
        return Imported(name, {})
    conn_id = name.replace("-", "_")
    values = {"type": "sftp", "title": "Customer attributes", "airflow_conn_id": conn_id, "folder": ""}
    needed = Needed(conn_id, "sftp", login="@CRS_USER", password="@CRS_PASSWORD", host="@CRS_HOST")  # noqa: S106 - names
    return Imported(name, values, (needed,)).with_files_that_leave()


def to_experience_cloud(query: Entry, dataset: Dataset, output: Output, report: Report) -> dict[str, Any]:
    """The keys of the export. Raises `DefinitionError` for an attribute that Experience Cloud would not take."""
    attributes = attributes_of(query)
    assert attributes is not None  # noqa: S101 - the caller has asked
    listed = dict(_listed(query.get("Output Fields"), output))
    for entry, _ in listed.values():
        report.left_out(entry, "no CRS Attribute has this field")
    fields = [_customer(query, dataset, report)]
    for attribute in attributes.entries.values():
        fields.append(_attribute(attribute, listed, fields, report))
    report.changed(query.get("Output Format"), "format: customer-attributes, the files of Experience Cloud")
    for key in ("Add Header", "Escape Fields"):
        report.left_out(query.get(key), "files of customer attributes always have a header and escaped quotes")
    return {"fields": fields, "format": {"type": "customer-attributes"}, "chunks": dict(_CHUNKS)}


def _customer(query: Entry, dataset: Dataset, report: Report) -> dict[str, Any]:
    """The first field: the custom id of a visitor or, without one, the Experience Cloud ID."""
    crs = query.entries["CRS Configuration"]
    own, ecid = crs.get("Visitor ID Field"), crs.get("ECID Field")
    report.taken(own, "fields: the first: the customer's id")
    if own is not None and own.value:
        report.left_out(ecid, "Experience Cloud finds customers by the Visitor ID Field")
        return {"field": column_of(own.text, dataset), "required": True}
    if ecid is None or not ecid.value:
        raise (ecid or crs).error("the CRS Configuration has no ECID Field", "name the dimension with the id there")
    said = "fields: the first: the customer's id, which the alias of the attribute source must have as well"
    report.changed(ecid, said)
    return {"field": column_of(ecid.text, dataset), "required": True}


def _attribute(
    attribute: Entry,
    listed: Mapping[str, tuple[Entry, Mapping[str, Any]]],
    before: list[dict[str, Any]],
    report: Report,
) -> dict[str, Any]:
    field, title, kind = (attribute.get(key) for key in ("Field Name", "Attribute Name", _TYPE))
    if field is None or field.text not in listed:
        what = f"no Output Field has the Field Name `{field.text[:60] if field else ''}`"
        raise unknown(field or attribute, what, sorted(listed), "name one of them")
    if kind and kind.value and kind.value.lower() not in ("int", "string"):
        raise kind.error("expected int or string")
    entry, declared = listed[field.text]
    origin = {key: declared[key] for key in ("field", "metric") if key in declared}
    name = title.text if title and title.value else field.text.removeprefix("=")
    if why := why_no_name(name):
        where = title if title and title.value else field
        raise where.error(f"this cannot be the name of a customer attribute: {why}", "write another Attribute Name")
    if any(_name(other).lower() == name.lower() for other in before):
        raise (title or field).error(f"two columns would be named `{name[:60]}` in the file", "write another name")
    report.taken(entry, "fields: of the CRS Attribute")
    report.taken(field, f"fields: {next(iter(origin.values()))}")
    report.taken(title, f"fields: as: {name}")
    report.left_out(kind, "the types of attributes are chosen in Experience Cloud, when it has the first file")
    return {**origin, **({"as": name} if name not in origin.values() else {})}


def _listed(listed: Entry | None, output: Output) -> Iterator[tuple[str, tuple[Entry, Mapping[str, Any]]]]:
    """The Output Fields, with their declarations, by Field Name."""
    columns = listed.entries.values() if listed else ()
    for column, declared in zip(columns, output.fields, strict=False):
        name = column.entries["Field Name"]
        yield name.text, (name, declared)


def _name(field: Mapping[str, Any]) -> str:
    return str(field.get("as") or field.get("field") or field.get("metric"))
