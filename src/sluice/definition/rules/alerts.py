"""Rules of alerts."""

from __future__ import annotations

from collections.abc import Iterator

from sluice.definition.errors.problem import Problem
from sluice.definition.models.export import ExportBase
from sluice.definition.rules.known import Known


def lateness_has_a_length(export: ExportBase, known: Known) -> Iterator[Problem]:  # noqa: ARG001
    for index, alert in enumerate(export.alerts):
        if "late" in alert.on and export.late_after is None:
            what = "this export is never late, because it has no `late_after`"
            yield Problem(("alerts", index, "on"), what, "add `late_after: 2 hours` to the export, or delete `late`")


def receivers_are_listed_once(export: ExportBase, known: Known) -> Iterator[Problem]:  # noqa: ARG001
    """Alerts are recorded per receiver: two alerts to one receiver would overwrite each other's record."""
    seen: set[str] = set()
    for index, alert in enumerate(export.alerts):
        if alert.receiver in seen:
            what = f"the receiver `{alert.to}` is listed twice"
            yield Problem(("alerts", index, "to"), what, "merge both into one alert, with all events in its `on`")
        seen.add(alert.receiver)
