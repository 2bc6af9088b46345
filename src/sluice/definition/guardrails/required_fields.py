"""A target needs some fields."""

from __future__ import annotations

from collections.abc import Iterator

from sluice.definition.errors.problem import Problem, unknown
from sluice.definition.guardrails.rule import DeclarationGuardrail
from sluice.definition.models.export import ExportBase, SegmentExport
from sluice.definition.rules.exports import connection_of
from sluice.definition.rules.known import Known


def _rule(export: ExportBase, known: Known) -> Iterator[Problem]:
    connection = connection_of(export, known)
    if connection is None or not isinstance(export, SegmentExport):
        return
    sent = [field.output for field in export.fields]
    for name in connection.requires:
        if name not in sent:
            what = f"the connection `{connection.name}` requires the field `{name}`, but the export does not send it"
            advice = f"add {{field: ..., as: {name}}}"
            found = unknown(("fields",), name, sent, what, advice, key=True)
            yield Problem(found.path, what, advice, found.nearest, key=True)


RULE = DeclarationGuardrail(
    name="required-fields",
    family="export",
    stage="check",
    verdict="refuse",
    says="A segment export sends the fields that its target requires.",
    source="Customer Insights: every segment that meets the requirements of the target system can be exported",
    change="`requires` of the connection",
    example="requires: [email]",
    rule=_rule,
)
