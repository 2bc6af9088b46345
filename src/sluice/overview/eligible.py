"""The segments of a project as a connection would get them: whether it takes them, and what the guardrails say of their
sizes."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime

from sluice.definition.models.catalog import Dataset, Segment
from sluice.definition.models.connection import Connection
from sluice.definition.models.export import SegmentExport
from sluice.definition.models.fields import FieldSpec
from sluice.definition.models.project import Project
from sluice.guardrails.facts import FeedFacts
from sluice.guardrails.table import OF_FEEDS
from sluice.model.guardrail import Finding
from sluice.model.run import Run
from sluice.plan.build import build

_NAME = "draft"


@dataclass(frozen=True)
class Offer:
    """A segment as a connection would get it."""

    dataset: Dataset
    """The dataset whose rows are delivered: that of the segment, or that of its accounts' contacts."""
    eligible: bool
    findings: tuple[Finding, ...] = ()


def offers(
    project: Project, connection: Connection, members: Mapping[str, int], now: datetime, *, split: bool = False
) -> dict[str, Offer]:
    """Every segment. `members` are the counts of those that have been refreshed. `split`: for an export that splits
    segments over the limit."""
    found = {name: _offer(project, connection, segment) for name, segment in project.segments.items()}
    counted = [name for name, offer in found.items() if offer.eligible and name in members]
    draft = _draft(connection, counted, split=split) if counted else None
    for name, findings in _findings(project, draft, members, now) if draft else ():
        found[name] = Offer(found[name].dataset, eligible=True, findings=findings)
    return found


def _offer(project: Project, connection: Connection, segment: Segment) -> Offer:
    dataset = project.datasets[segment.dataset]
    contacts = connection.contacts_of(dataset)
    delivered = project.datasets[contacts.dataset] if contacts else dataset
    return Offer(delivered, eligible=delivered.kind in connection.takes)


def _draft(connection: Connection, names: list[str], *, split: bool) -> SegmentExport:
    return SegmentExport(
        kind="segment-export",
        name=_NAME,
        connection=connection.name,
        segments=tuple(names),
        fields=(FieldSpec.model_validate({"value": "", "as": "x"}),),
        over_limit="split" if split else "skip",
    )


def _findings(
    project: Project, export: SegmentExport, members: Mapping[str, int], now: datetime
) -> Iterator[tuple[str, tuple[Finding, ...]]]:
    """What the guardrails of feeds say of the export's segments. The number of an account's contacts is not known."""
    plan = build(project, export, Run(export=_NAME, run_id=_NAME, export_time=now))
    for feed in plan.feeds:
        if feed.through is None:
            facts = FeedFacts(feed, members[feed.name])
            yield feed.name, tuple(found for rule in OF_FEEDS for found in rule.check(plan, facts))
