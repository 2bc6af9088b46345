"""The task `extract` while it runs: its steps, and the state that they share."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime

from sluice.delivery.commit.watermark import Basis
from sluice.delivery.rows.extracted import FeedExtract
from sluice.delivery.rows.selection import Selection, write_selection
from sluice.delivery.staging import Stage
from sluice.delivery.step import Step
from sluice.guardrails.facts import ListFacts
from sluice.mapping.mapper import Mapper
from sluice.mapping.salts import Salts
from sluice.model.access import Connections
from sluice.model.layout import as_numpy, numbers
from sluice.plan.model import Feed, Plan
from sluice.sources.base import Source
from sluice.sources.position import Position
from sluice.sources.row_set import RowSet


@dataclass
class Extraction:
    """One run's `extract`."""

    plan: Plan
    stage: Stage
    connections: Connections
    now: datetime
    note: Step
    salts: dict[str, Salts] = field(default_factory=dict)
    """The salts of each feed's hashes."""
    basis: Basis | None = None
    """What an incremental run starts from; None for exports that deliver everything."""
    extracts: list[FeedExtract] = field(default_factory=list)
    """The feeds that are done."""


@dataclass
class FeedExtraction:
    """One feed of the run. The step `pin` sets `mapper` and `extract`; the steps after it narrow the extract."""

    run: Extraction
    feed: Feed
    source: Source
    mapper: Mapper = field(init=False)
    extract: FeedExtract = field(init=False)
    """The rows that are sent."""
    lacking: RowSet | None = None
    """Members that lack a required field, which are not sent."""
    lists: tuple[ListFacts, ...] = ()
    """The lists of those who are left out."""

    @property
    def plan(self) -> Plan:
        return self.run.plan

    @property
    def salts(self) -> Salts:
        return self.run.salts.get(self.feed.name, Salts())

    @property
    def since(self) -> Position | None:
        """Where the last delivery of the feed stopped; None if this run starts at the beginning."""
        return (
            self.run.basis.feeds.get(self.feed.name)
            if self.run.basis and self.plan.mode_of(self.feed) != "full"
            else None
        )

    def kept(self) -> RowSet:
        """The rows of the extract."""
        slices, name = self.extract.pinned.slices, self.extract.selection
        if name is None:
            return RowSet(slices, full=True)
        found, selection = RowSet(slices), Selection(self.run.stage.opened, name)
        for index in range(len(slices)):
            found.add_of(index, as_numpy(selection.rows(index)))
        return found

    def keep(self, rows: RowSet) -> None:
        """Narrow the extract to these rows, and stage their numbers."""
        name = f"selection/{self.feed.name}.arrow"
        write_selection(self.run.stage.opened, name, (numbers(rows.rows(index)) for index in range(len(rows.slices))))
        self.update(kept=rows.counts(), selection=name)

    def update(self, **values: object) -> None:
        """Change these values of the extract."""
        self.extract = self.extract.model_copy(update=values)


@dataclass(frozen=True)
class RunStep:
    """A step of the whole run."""

    name: str
    describe: Callable[[Plan], str | None]
    """A phrase for people; None if a run of this plan does not take the step."""
    apply: Callable[[Extraction], None]


@dataclass(frozen=True)
class FeedStep:
    """A step of each feed."""

    name: str
    describe: Callable[[Plan, Feed], str | None]
    """A phrase for people; None if this feed does not take the step."""
    apply: Callable[[FeedExtraction], None]
