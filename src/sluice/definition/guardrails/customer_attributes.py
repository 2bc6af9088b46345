"""Experience Cloud takes only data files of customer attributes that follow its rules."""

from __future__ import annotations

from collections.abc import Iterator

from sluice.definition.errors.problem import Problem
from sluice.definition.guardrails.rule import DeclarationGuardrail
from sluice.definition.models.chunks import rules_of
from sluice.definition.models.connection import Connection
from sluice.definition.models.export import ExportBase, SegmentExport
from sluice.definition.models.limits import smallest
from sluice.definition.rules.exports import connection_of
from sluice.definition.rules.known import Known
from sluice.formats.customer_attributes import BYTES, COLUMNS, CustomerAttributes, why_no_name

_SOURCE = "Experience Cloud: data files of customer attributes"
_WHOSE = "Experience Cloud"


def _files(export: ExportBase, known: Known) -> Iterator[Problem]:
    if (found := _declared(export, known)) is None:
        return
    connection, form = found
    trigger = export.names.trigger
    if trigger is None or (trigger.suffix, trigger.after) != (".fin", "name"):
        what = f"{_WHOSE} reads a file of customer attributes once there is a .fin file of the same name"
        advice = '`file: {name: "customers_%RUN_ID%_%PART%", trigger: {suffix: .fin, after: name}}`'
        yield Problem(("file",), what, f"write {advice}")
    if export.names.extension not in (None, wanted := form.extension.removeprefix(".")):
        yield Problem(("file", "extension"), f"{_WHOSE} expects the extension `{wanted}`", "delete `extension`")
    if export.folder != "/":
        what = f"{_WHOSE} finds files of customer attributes only in the root of its account"
        yield Problem(("folder",), what, "write `folder: /`, and a folder for the manifest: `manifest: {folder: ...}`")
    if connection.openpgp:
        what = f"the connection `{connection.name}` encrypts files, and {_WHOSE} reads no encrypted file"
        yield Problem(("connection",), what, "name a connection without `openpgp`")
    rules = rules_of(export.chunks, connection.rules, smallest(connection.limits, known.project.limits))
    if rules.bytes is None or rules.bytes > BYTES:
        what = f"a file of customer attributes has at most {BYTES:,} bytes, but no such limit is declared"
        yield Problem(("chunks",), what, "add `chunks: {bytes: 4 GB}`")


def _fields(export: ExportBase, known: Known) -> Iterator[Problem]:
    if _declared(export, known) is None:
        return
    if not isinstance(export, SegmentExport):
        what = f"customer attributes have the customer's id first, and {_WHOSE} needs one in every row"
        yield Problem(("kind",), what, "declare a `segment-export`, whose `fields` say which one it is")
        return
    first, *others = export.fields
    if not first.required:
        what = f"`{first.output}`, the first field, is the customer's id, and {_WHOSE} needs one in every row"
        yield Problem(("fields", 0), what, "add `required: true`: rows without one go to the quarantine file")
    for number, field in enumerate(others, 1):
        if why := why_no_name(field.output):
            what = f"`{field.output}` cannot be the name of a customer attribute: {why}"
            yield Problem(("fields", number), what, "rename the field with `as:`")


def _advised(export: ExportBase, known: Known) -> Iterator[Problem]:
    if _declared(export, known) is None or not isinstance(export, SegmentExport):
        return
    for number, field in enumerate(export.fields[1:], 1):
        if " " in field.output:
            what = f"Adobe Target ignores the customer attribute `{field.output}`, because its name contains a blank"
            yield Problem(("fields", number), what, "rename the field with `as:`, if the attribute is for Target")
    if len(export.segments) > 1 or export.chunks.records is not None:
        key = "segments" if len(export.segments) > 1 else "chunks"
        what = f"each run may deliver several files, but {_WHOSE} expects one in half an hour"
        yield Problem((key,), what, "deliver one segment, and declare no `chunks.records`")
    if len(export.fields) > COLUMNS:
        what = f"{_WHOSE} recommends at most {COLUMNS} columns, but there are {len(export.fields)}"
        yield Problem(("fields",), what, "deliver fewer fields")


def _declared(export: ExportBase, known: Known) -> tuple[Connection, CustomerAttributes] | None:
    connection = connection_of(export, known)
    form = export.format or (connection.format if connection else None)
    return (connection, form) if connection and isinstance(form, CustomerAttributes) else None


FILES = DeclarationGuardrail(
    name="customer-attribute-files",
    family="export",
    stage="check",
    verdict="refuse",
    says="Files of customer attributes lie where Experience Cloud looks, each with a .fin file, and have at most 4 GB.",
    source=_SOURCE,
    change="`folder`, `file` and `chunks` of the export; `guardrails.customer_attribute_files` of the project changes"
    " the verdict",
    example="format: {type: customer-attributes}",
    setting="customer_attribute_files",
    rule=_files,
)
FIELDS = DeclarationGuardrail(
    name="customer-attribute-fields",
    family="export",
    stage="check",
    verdict="refuse",
    says="Rows of customer attributes have an id, and the attributes have names that Experience Cloud takes.",
    source=_SOURCE,
    change="`fields` of the export",
    example="fields: [{field: id, required: true}, city]",
    rule=_fields,
)
ADVISED = DeclarationGuardrail(
    name="customer-attribute-advice",
    family="export",
    stage="check",
    verdict="warn",
    says="Customer attributes have names without blanks, and a run delivers one file of at most 200 columns.",
    source=_SOURCE,
    change="`fields` of the export; `guardrails.customer_attribute_advice` of the project changes the verdict",
    example="fields: [{field: id, required: true}, {field: Home City, as: home_city}]",
    setting="customer_attribute_advice",
    rule=_advised,
)
