"""A clock schedule of whole datasets ends."""

from __future__ import annotations

from collections.abc import Iterator

from sluice.definition.errors.problem import Problem
from sluice.definition.guardrails.rule import DeclarationGuardrail
from sluice.definition.models.export import DatasetExport, ExportBase
from sluice.definition.models.schedule import ScheduleSpec
from sluice.definition.rules.known import Known

_SOURCE = "Experience Platform: dataset exports end, by default on a date that its release notes announce"


def _required(export: ExportBase, known: Known) -> Iterator[Problem]:  # noqa: ARG001
    """A forgotten clock schedule would deliver whole datasets forever."""
    spec = _by_the_clock(export)
    if spec and not spec.start and not spec.end:
        what = "the clock schedule of a dataset-export needs an end, and this one has neither `end` nor `start`"
        yield Problem(("schedule",), what, "add `end: 2027-12-31`, or `start`, which sets the end one year later")


def _default(export: ExportBase, known: Known) -> Iterator[Problem]:  # noqa: ARG001
    spec = _by_the_clock(export)
    if spec and spec.start and not spec.end and export.when and export.when.end:
        what = f"without `end`, the schedule ends one year after its start: {export.when.end:%Y-%m-%d %H:%M} UTC"
        yield Problem(("schedule",), what, f"add `end: {export.when.end:%Y-%m-%d}`, or another date")


def _by_the_clock(export: ExportBase) -> ScheduleSpec | None:
    """The declared schedule of a dataset export, if it is a clock schedule."""
    spec = export.schedule
    return spec if isinstance(export, DatasetExport) and isinstance(spec, ScheduleSpec) and spec.by_the_clock else None


REQUIRED = DeclarationGuardrail(
    name="end-date",
    family="export",
    stage="check",
    verdict="refuse",
    says="The clock schedule of a dataset export has a start or an end.",
    source=_SOURCE,
    change="add `end` or `start` to the schedule",
    example='schedule: {daily: "06:00", end: 2027-12-31}',
    rule=_required,
)
DEFAULT = DeclarationGuardrail(
    name="default-end",
    family="export",
    stage="check",
    verdict="warn",
    says="A dataset export that declares no end ends one year after its start.",
    source=_SOURCE,
    change="add `end` to the schedule; `guardrails.default_end` of the project changes the verdict",
    example='schedule: {daily: "06:00", start: 2026-12-01}',
    setting="default_end",
    rule=_default,
)
