"""A follow-up runs only what the project allows by name."""

from __future__ import annotations

from collections.abc import Iterator

from sluice.definition.errors.problem import Problem, unknown
from sluice.definition.guardrails.rule import DeclarationGuardrail
from sluice.definition.models.export import ExportBase
from sluice.definition.rules.known import Known


def _rule(export: ExportBase, known: Known) -> Iterator[Problem]:
    wanted, allowed = export.follow_up, known.project.commands
    if wanted is not None and wanted.command not in allowed:
        what = f"the project allows no command `{wanted.command}`"
        advice = "choose an allowed one, or ask an administrator to add it to `commands` in project.yaml"
        yield unknown(("follow_up", "command"), wanted.command, allowed, what, advice)


RULE = DeclarationGuardrail(
    name="allowed-command",
    family="export",
    stage="check",
    verdict="refuse",
    says="An export runs a command after its deliveries only if the project allows the command by name.",
    source="Data Workbench: the Command of a segment export",
    change="`commands` in `project.yaml`",
    example="follow_up: {command: convert, arguments: ['%file%']}",
    rule=_rule,
)
