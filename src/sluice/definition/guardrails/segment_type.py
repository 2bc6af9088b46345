"""A target takes some kinds of segments, entities and datasets."""

from __future__ import annotations

from collections.abc import Iterator

from sluice.definition.errors.problem import Problem, either
from sluice.definition.guardrails.rule import DeclarationGuardrail
from sluice.definition.models.catalog import Kind
from sluice.definition.models.export import ExportBase
from sluice.definition.references import Reference
from sluice.definition.rules.exports import MANY, connection_of, datasets_of
from sluice.definition.rules.known import Known

TYPES: dict[Kind, str] = {"profile": "CustomerProfile", "account": "AccountProfile", "contact": "ContactProfile"}
"""How Customer Insights names the types of segments."""


def _rule(export: ExportBase, known: Known) -> Iterator[Problem]:
    connection = connection_of(export, known)
    for feed, dataset in datasets_of(export, known):
        if connection and dataset.kind not in connection.takes:
            accepts = f"accepts only {either(MANY[kind] for kind in connection.takes)}"
            why = f"contains {MANY[dataset.kind]}, but the connection `{connection.name}` {accepts}"
            advice = f"choose another, or add `{dataset.kind}` to the connection's `takes`"
            if dataset.kind == "account" and "contact" in connection.takes:
                advice += f", or declare the `contacts` of the dataset `{dataset.name}`"
            if feed.families[0] == "segment":
                yield Problem(feed.path, _not_eligible(feed, connection.takes), f"`{feed.name}` {why}: {advice}")
            else:
                yield Problem(feed.path, f"the {feed.families[0]} `{feed.name}` {why}", advice)


def _not_eligible(feed: Reference, takes: tuple[Kind, ...]) -> str:
    """In the words of Customer Insights, so that a search for them ends here."""
    types = either(TYPES[kind] for kind in takes if kind in TYPES) if set(takes) & TYPES.keys() else "another kind"
    return (
        f"The following segment is not eligible for this export destination: '{feed.name}'. Please choose only segments"
        f" of type {types} and try again."
    )


RULE = DeclarationGuardrail(
    name="segment-type",
    family="export",
    stage="check",
    verdict="refuse",
    says="A target gets only the kinds of segments, entities and datasets that it takes.",
    source="Customer Insights: segments of accounts and contacts",
    change="`takes` of the connection",
    example="takes: [contact]",
    rule=_rule,
)
