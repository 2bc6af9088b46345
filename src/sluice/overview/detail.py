"""One export in detail: what it would deliver if it ran now."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import suppress
from datetime import datetime
from itertools import islice

from pydantic import BaseModel, ConfigDict

from sluice.definition.models.export import Export
from sluice.definition.models.project import Project, Staging
from sluice.definition.start import upcoming
from sluice.errors import SluiceError
from sluice.model.access import Connections
from sluice.plan.explain import below, first_part
from sluice.plan.model import Feed, Plan, named
from sluice.plan.requested import plan_of
from sluice.refresh.membership import current

NEXT = 5
"""The number of runs ahead that are shown."""


class FeedView(BaseModel):
    """One feed: a segment, a dataset or an entity of the export."""

    model_config = ConfigDict(frozen=True)

    name: str
    dataset: str
    segment: str = ""
    accounts: str = ""
    """The segment's dataset of accounts, if their contacts are delivered: `members` counts accounts then."""
    members: int | None = None
    """Of the segment's last refresh; None if it has not been refreshed, or there is no segment."""
    rule: str = ""
    """The segment's `where` or `sql`."""
    fields: list[str] = []
    """The names of the delivered columns; empty for all."""
    folder: str = ""
    first_part: str = ""


def plan_now(project: Project, export: Export, now: datetime) -> Plan:
    """The plan of a run that starts now."""
    return plan_of(project, export, {}, f"manual__{now.isoformat()}", now)


def feeds(plan: Plan, connections: Connections) -> Iterator[FeedView]:
    """The feeds of a plan. Members are those of the segments' last refreshes."""
    for feed in plan.feeds:
        yield FeedView(
            name=feed.name,
            dataset=feed.dataset.name,
            segment=feed.segment.name if feed.segment else "",
            accounts=feed.through.name if feed.through else "",
            members=_members(plan.staging, feed, connections),
            rule=(feed.segment.where or feed.segment.sql or "") if feed.segment else "",
            fields=[spec.output for spec in feed.fields or ()],
            folder=below(plan, named(feed.folder, 0)),
            first_part=first_part(plan, feed),
        )


def followers(project: Project, name: str) -> list[str]:
    """The exports that run after this one."""
    return sorted(one.name for one in project.exports.values() if one.when and one.when.after == name)


def next_runs(export: Export, now: datetime) -> list[datetime]:
    """The next runs of a clock schedule, switched on or not."""
    return list(islice(upcoming(export, now), NEXT))


def _members(staging: Staging, feed: Feed, connections: Connections) -> int | None:
    if feed.segment:
        with suppress(SluiceError):
            return current(staging, feed.segment.name, connections).records
    return None
