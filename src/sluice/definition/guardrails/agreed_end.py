"""Dataset exports from before a day end on a day that the licence names."""

from __future__ import annotations

from collections.abc import Iterator

from sluice.definition.default_end import end_is_default
from sluice.definition.errors.problem import Problem
from sluice.definition.guardrails.rule import DeclarationGuardrail
from sluice.definition.models.export import DatasetExport, ExportBase
from sluice.definition.models.schedule import ScheduleSpec
from sluice.definition.rules.known import Known


def _rule(export: ExportBase, known: Known) -> Iterator[Problem]:
    default = known.project.licence.default_end if known.project.licence else None
    spec = export.schedule
    if default and isinstance(export, DatasetExport) and isinstance(spec, ScheduleSpec) and end_is_default(spec):
        what = (
            f"the schedule has no `end` and starts before {default.created_before:%Y-%m-%d}, so it ends as"
            f" `licence.default_end` says: {default.end:%Y-%m-%d %H:%M} UTC"
        )
        yield Problem(("schedule",), what, "add `end` with the date until which it is needed")


RULE = DeclarationGuardrail(
    name="agreed-end",
    family="export",
    stage="check",
    verdict="warn",
    says="A dataset export without an end that started before a day ends when the licence says.",
    source="Experience Platform: dataflows created before 2024-11-01 ended on 2025-09-01",
    change="add `end` to the schedule; `guardrails.agreed_end` of the project changes the verdict",
    example="licence: {default_end: {created_before: 2024-11-01, end: 2025-09-01}}",
    setting="agreed_end",
    rule=_rule,
)
