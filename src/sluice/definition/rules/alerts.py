"""Rules of alerts."""

from __future__ import annotations

from collections.abc import Iterator

from sluice.definition.errors.problem import Problem
from sluice.definition.models.export import ExportBase
from sluice.definition.rules.known import Known


def lateness_has_a_length(export: ExportBase, known: Known) -> Iterator[Problem]:  # noqa: ARG001
    for index, alert in enumerate(export.alerts):
        if "late" in alert.on and export.late_after is None:
            what = "this export never counts as late: it has no `late_after`"
            yield Problem(("alerts", index, "on"), what, "add `late_after: 2 hours` to the export, or delete `late`")


def receivers_are_told_once(export: ExportBase, known: Known) -> Iterator[Problem]:  # noqa: ARG001
    """Two alerts to one receiver would be two opinions of what it has heard."""
    seen: set[str] = set()
    for index, alert in enumerate(export.alerts):
        if alert.receiver in seen:
            yield Problem(("alerts", index, "to"), f"`{alert.to}` is listed twice", "put both into one alert's `on`")
        seen.add(alert.receiver)
