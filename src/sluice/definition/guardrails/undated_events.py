"""Old events can be left out only if their time is known."""

from __future__ import annotations

from collections.abc import Iterator

from sluice.definition.errors.problem import Problem
from sluice.definition.guardrails.platform import to_platform
from sluice.definition.guardrails.rule import DeclarationGuardrail
from sluice.definition.models.export import DatasetExport, ExportBase
from sluice.definition.rules.exports import connection_of, datasets_of
from sluice.definition.rules.known import Known


def _rule(export: ExportBase, known: Known) -> Iterator[Problem]:
    if not isinstance(export, DatasetExport) or export.age is None:
        return
    if export.max_age is None and to_platform(export, connection_of(export, known)) is None:
        return
    for feed, dataset in datasets_of(export, known):
        if dataset.kind == "event" and dataset.time is None:
            what = f"`{feed.name}` does not declare the time of its events, so old ones are delivered too"
            yield Problem(feed.path, what, "add `time: COLUMN` to the dataset, or `max_age: none` to the export")


RULE = DeclarationGuardrail(
    name="undated-events",
    family="export",
    stage="check",
    verdict="inform",
    says="A dataset of events declares the column with their time, so that a dataset export leaves out old ones.",
    source="Experience Platform: data with a timestamp older than 365 days is excluded from dataset exports",
    change="add `time` to the dataset, or `max_age: none` to the export; `guardrails.undated_events` of the project"
    " changes the verdict",
    example="max_age: 365 days",
    setting="undated_events",
    rule=_rule,
)
