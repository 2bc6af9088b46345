"""A licence covers datasets of profiles and of events."""

from __future__ import annotations

from collections.abc import Iterator

from sluice.definition.errors.problem import Problem
from sluice.definition.guardrails.rule import DeclarationGuardrail
from sluice.definition.models.export import DatasetExport, ExportBase
from sluice.definition.rules.exports import MANY, datasets_of
from sluice.definition.rules.known import Known


def _rule(export: ExportBase, known: Known) -> Iterator[Problem]:
    if known.project.licence and isinstance(export, DatasetExport):
        for feed, dataset in datasets_of(export, known):
            if dataset.origin != "derived" and dataset.kind not in ("profile", "event"):
                what = f"`{feed.name}` contains {MANY[dataset.kind]}, but the licence covers only profiles and events"
                advice = "remove it from the export, or deliver it with an export of kind `data-out-export`"
                yield Problem(feed.path, what, advice)


RULE = DeclarationGuardrail(
    name="licensed-kind",
    family="export",
    stage="check",
    verdict="refuse",
    says="With a licence, a dataset export delivers datasets of profiles and events, and derived ones of any kind.",
    source="Experience Platform: profile and experience event datasets can be exported",
    change="`kind` or `origin: derived` of the dataset. Without a `licence` in the project, every kind may be exported",
    example="licence: {applications: [{application: real-time-cdp, tier: prime, profiles: 20000000}]}",
    rule=_rule,
)
