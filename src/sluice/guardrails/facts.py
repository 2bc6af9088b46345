"""What a run knows when its guardrails are asked."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from sluice.definition.models.consent import Suppression
from sluice.plan.model import Feed
from sluice.runs.index import Index


@dataclass(frozen=True)
class ListFacts:
    """A list of those who are left out."""

    rule: Suppression
    entries: int
    written_at: datetime | None
    """When the newest of its files was written; None if that is not known."""


@dataclass(frozen=True)
class FeedFacts:
    """The rows of one feed, before anything is sent."""

    feed: Feed
    records: int
    """The rows to deliver. For a feed of `mode: changes` at the stage `feed`: all of them, before they are compared."""
    rejected: int = 0
    """Rows that cannot be delivered."""
    reasons: Mapping[str, int] = field(default_factory=dict)
    """How often each reason for a rejection occurs."""
    quarantine: str | None = None
    """The address of the quarantine file; None if there is none."""
    too_old: int = 0
    """Events left out because of their age."""
    undated: int = 0
    """Events whose age is not known. They are sent."""
    first: bool = False
    """Whether nothing was delivered before, so that every row counts as added."""
    schema_changes: Sequence[str] = ()
    """A phrase for each column that differs from the last delivery."""
    lists: Sequence[ListFacts] = ()
    """The lists that the rows were compared with."""
    now: datetime | None = None

    @property
    def name(self) -> str:
        return self.feed.name


@dataclass(frozen=True)
class PartFacts:
    """One part at the destination."""

    feed: str
    path: str
    records: int
    bytes: int


@dataclass(frozen=True)
class LastDelivery:
    """The last delivery of the export that was published."""

    run: str
    """Its Airflow run id."""
    flow_run_id: str
    ended: datetime


def _none() -> None:
    return None


@dataclass(frozen=True)
class Facts:
    """The feeds of a run, and what is known of earlier runs."""

    now: datetime
    feeds: Sequence[FeedFacts]
    mean: Callable[[str], float | None]
    """The mean records of a feed in the last full deliveries; None if there is nothing to compare with."""
    index: Callable[[], Index]
    """The index of runs, read on first use."""
    last_delivery: Callable[[], LastDelivery | None] = _none
    """Read on first use, at the stage `start`."""
    files: Mapping[str, int] = field(default_factory=dict)
    """At the stage `chunk`: the files of each feed. A chunk that turns out too large for one file becomes several."""
    parts: Sequence[PartFacts] = ()
    """At the stage `publish`."""
