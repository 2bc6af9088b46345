"""Experience Platform exports datasets on one of three schedules."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta

from sluice.definition.errors.problem import Problem
from sluice.definition.guardrails.platform import to_platform
from sluice.definition.guardrails.rule import DeclarationGuardrail
from sluice.definition.models.export import DatasetExport, ExportBase
from sluice.definition.models.schedule import Schedule, ScheduleSpec
from sluice.definition.rules.exports import connection_of
from sluice.definition.rules.known import Known

HOURS = (3, 6, 8, 12)
"""Its page says 3, 6, 8 and 12, its API 3, 6, 9 and 12. 9 hours do not divide a day, so no schedule here has them."""
_LEGAL = (
    "Experience Platform exports datasets once and in full, or incrementally, daily or every 3, 6, 8 or 12 hours: this"
    " export"
)


def _rule(export: ExportBase, known: Known) -> Iterator[Problem]:
    found = to_platform(export, connection_of(export, known))
    if found is None or found.schedule == "off":
        return
    spec = found.schedule
    once = spec == "once" or (isinstance(spec, ScheduleSpec) and spec.once is not None)
    if not once and not _recurs(spec):
        what = f"{_LEGAL} runs {_says(spec)}"
        yield Problem(("schedule",), what, "choose one of these schedules", _nearest(spec))
    elif own := next((name for name, one in found.overrides.items() if one.mode or one.schedule), None):
        what = "all datasets of a dataflow of Experience Platform have one mode and one schedule"
        advice = f"delete the override, or deliver `{own}` with another export to the same connection"
        yield Problem(("overrides", own), what, advice, key=True)
    elif once and found.mode != "full":
        yield _wrong_mode(found, "full", "write `mode: full`")
    elif not once and found.mode != "incremental":
        yield _wrong_mode(found, "incremental", "write `mode: incremental`, or `schedule: once` for one full export")


def _wrong_mode(export: DatasetExport, mode: str, advice: str) -> Problem:
    """A problem of the mode, or of the schedule if the mode is a default."""
    what = f"{_LEGAL} runs {_says(export.schedule)}, with `mode: {export.mode}`"
    declared = "mode" in export.model_fields_set
    return Problem(("mode",) if declared else ("schedule",), what, advice, mode if declared else None)


def _recurs(schedule: Schedule) -> bool:
    if not isinstance(schedule, ScheduleSpec):
        return False
    return schedule.daily is not None or schedule.every in ["day", *(timedelta(hours=hours) for hours in HOURS)]


def _says(schedule: Schedule) -> str:
    if isinstance(schedule, ScheduleSpec):
        return schedule.says
    return "once" if schedule == "once" else "after each system refresh"


def _nearest(schedule: Schedule) -> str:
    """The legal schedule that differs least."""
    if not isinstance(schedule, ScheduleSpec):
        return '{daily: "06:00"}'
    if not isinstance(schedule.every, timedelta):
        return f'{{daily: "{schedule.at or "06:00"}"}}'
    declared = schedule.every / timedelta(hours=1)
    return f"{{every: {min(HOURS, key=lambda hours: abs(hours - declared))} hours}}"


RULE = DeclarationGuardrail(
    name="dataset-schedule",
    family="export",
    stage="check",
    verdict="refuse",
    says="A dataset export to Experience Platform is full and runs once, or is incremental and runs daily or every 3,"
    " 6, 8 or 12 hours.",
    source="Experience Platform: schedule dataset export",
    change="`profile` of the connection: without it, every schedule and mode is allowed",
    example="profile: experience-platform",
    rule=_rule,
)
