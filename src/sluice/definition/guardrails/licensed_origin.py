"""A licence covers datasets by who made them."""

from __future__ import annotations

from collections.abc import Iterator

from sluice.definition.errors.problem import Problem
from sluice.definition.guardrails.rule import DeclarationGuardrail
from sluice.definition.models.export import DatasetExport, ExportBase
from sluice.definition.rules.exports import datasets_of
from sluice.definition.rules.known import Known

_NEEDS = {
    "system": ("was made by the system", "`real-time-cdp` with `tier: ultimate` under `applications`"),
    "derived": ("is the result of a query", "`data-distiller` under `add_ons`"),
}
"""What each origin is called, and what a licence needs to cover it."""


def _rule(export: ExportBase, known: Known) -> Iterator[Problem]:
    if known.project.licence and isinstance(export, DatasetExport):
        for feed, dataset in datasets_of(export, known):
            if dataset.origin not in known.project.licence.origins:
                made, needed = _NEEDS[dataset.origin]
                what = f"`{feed.name}` {made}: the licence does not cover it"
                yield Problem(feed.path, what, f"remove it from the export; the licence would need {needed}")


RULE = DeclarationGuardrail(
    name="licensed-origin",
    family="export",
    stage="check",
    verdict="refuse",
    says="A dataset export delivers only datasets of origins that the licence covers.",
    source="Experience Platform: which datasets each application, tier and add-on may export",
    change="`licence` of the project. Without one, every dataset may be exported",
    example="licence: {applications: [{application: real-time-cdp, tier: ultimate, profiles: 20000000}]}",
    rule=_rule,
)
