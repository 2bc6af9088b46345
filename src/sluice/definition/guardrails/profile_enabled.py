"""A licence covers datasets of profiles that are enabled for profile."""

from __future__ import annotations

from collections.abc import Iterator

from sluice.definition.errors.problem import Problem
from sluice.definition.guardrails.rule import DeclarationGuardrail
from sluice.definition.models.export import DatasetExport, ExportBase
from sluice.definition.rules.exports import datasets_of
from sluice.definition.rules.known import Known


def _rule(export: ExportBase, known: Known) -> Iterator[Problem]:
    if known.project.licence and isinstance(export, DatasetExport):
        for feed, dataset in datasets_of(export, known):
            if dataset.kind == "profile" and not dataset.profile_enabled:
                what = f"`{feed.name}` is not enabled for profile: with the project's licence, it cannot be exported"
                advice = "enable it, and delete `profile_enabled: false`; or remove it from the export"
                yield Problem(feed.path, what, advice)


RULE = DeclarationGuardrail(
    name="profile-enabled",
    family="export",
    stage="check",
    verdict="refuse",
    says="With a licence, a dataset export delivers only profile datasets that are enabled for profile.",
    source="Experience Platform: datasets are enabled for use in Real-Time Customer Profile",
    change="`profile_enabled` of the dataset. Without a `licence` in the project, it is not asked",
    example="profile_enabled: true",
    rule=_rule,
)
