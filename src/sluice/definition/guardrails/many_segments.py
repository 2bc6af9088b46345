"""One export delivers very many segments."""

from __future__ import annotations

from collections.abc import Iterator

from sluice.definition.errors.problem import Problem
from sluice.definition.guardrails.rule import DeclarationGuardrail
from sluice.definition.models.export import ExportBase, SegmentExport
from sluice.definition.rules.known import Known

MANY = 20


def _rule(export: ExportBase, known: Known) -> Iterator[Problem]:  # noqa: ARG001
    if isinstance(export, SegmentExport) and len(export.segments) > MANY:
        what = f"{len(export.segments)} segments are in one export, which extracts them one after another"
        advice = "distribute them across several exports: these run at the same time, and one that fails stops no other"
        yield Problem(("segments",), what, advice, key=True)


RULE = DeclarationGuardrail(
    name="many-segments",
    family="export",
    stage="check",
    verdict="inform",
    says=f"An export delivers at most {MANY} segments.",
    source="Customer Insights: distribute segments across multiple exports",
    change="`guardrails.many_segments` of the project changes the verdict",
    example="segments: [high-value, at-risk]",
    setting="many_segments",
    rule=_rule,
)
