"""Extract: check the plan against the data, choose the rows, and pin what the run will read."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING

from sluice.delivery.commit.watermark import Basis, Watermarks
from sluice.delivery.incremental.added import added_of, on_trust, skipping
from sluice.delivery.incremental.beginning import begin
from sluice.delivery.incremental.changes import Changes
from sluice.delivery.row_rules.expected import as_expected, within_limits
from sluice.delivery.row_rules.row_rules import RowRules, Selected
from sluice.delivery.rows.extracted import Extracted, FeedExtract
from sluice.delivery.rows.opened import rows_of, source_of
from sluice.delivery.rows.row_set import RowSet
from sluice.delivery.rows.selection import write_selection
from sluice.delivery.safety import warnings_of
from sluice.delivery.staging import Stage, StagedRun
from sluice.delivery.step import Step, noting
from sluice.errors import about
from sluice.mapping.mapper import Mapper, compile_fields
from sluice.mapping.salts import Salts, read_salts
from sluice.memory import use
from sluice.model.access import Connections
from sluice.model.layout import as_numpy
from sluice.plan.model import Feed, Plan
from sluice.refresh.membership import Membership, current, read_keys
from sluice.sources.base import Pinned, Source
from sluice.sources.position import Position
from sluice.sources.selection import select

if TYPE_CHECKING:
    import pyarrow as pa


def extract(plan: Plan, connections: Connections, watermarks: Watermarks, now: datetime) -> Extracted:
    """Pin every feed of the plan: of an incremental export, what was added since the last published delivery. Nothing
    reaches the destination.

    A run that was extracted under the same declarations keeps what it has pinned, as long as that can be read: a
    retry, or a cleared task, reads the same rows. Raises `DefinitionError` where the declarations do not fit the data,
    `FatalError` where the data is missing or broken, or its rows are not as the export expects them, `Skipped` where a
    segment exceeds the target's limit, or there is no record and the export skips such runs.
    """
    use(plan.memory, engine=True)
    staged = StagedRun.of(plan).known(connections)
    stage = staged.open(connections)
    if plan.connection.openpgp:
        plan.connection.openpgp.open(connections, name=plan.connection.name)  # wrong keys fail before anything is read
    with noting(stage, "extract") as step:
        read = [plan.staging.airflow_conn_id, *(feed.dataset.source.airflow_conn_id for feed in plan.feeds)]
        step.warn_all(warnings_of(read, connections))
        basis = begin(plan, stage, connections, watermarks)
        extraction = Extraction(plan, basis, stage, connections, now, step)
        extracts = [extraction.feed(feed) for feed in plan.feeds]
        as_expected(plan, extracts, connections, step)
    return Extracted(
        export=plan.export.name,
        airflow_conn_id=staged.airflow_conn_id,
        folder=staged.folder,
        identity=staged.identity,
        written_at=staged.written_at,
        records=sum(one.records for one in extracts),
        rejected=sum(one.rejected for one in extracts),
        duplicates=sum(one.duplicates for one in extracts),
        feeds={one.feed: one.records for one in extracts},
        dry_run=plan.run.dry_run,
    )


@dataclass(frozen=True)
class Extraction:
    """One run's feeds, one after another."""

    plan: Plan
    basis: Basis | None
    stage: Stage
    connections: Connections
    now: datetime
    step: Step

    def feed(self, feed: Feed) -> FeedExtract:
        """What a former try has pinned of the feed, where it still stands; else the feed pinned anew."""
        salts = read_salts(feed.fields, self.connections)
        with about("datasets", feed.dataset.name):
            source = feed.dataset.source.open(self.connections, dataset=feed.dataset.name)
            before = self.stage.find(f"extract/{feed.name}", FeedExtract)
            if (
                before is not None
                and before.salted == salts.fingerprint
                and source_of(feed, before, self.connections).intact(before.pinned)
            ):
                return before
        extracted = self._pin(feed, source, salts)
        self.stage.write(f"extract/{feed.name}", extracted)
        return extracted

    def _pin(self, feed: Feed, source: Source, salts: Salts) -> FeedExtract:
        plan = self.plan
        with about("datasets", feed.dataset.name):
            pinned = self._skipping(feed, source).pin(self.stage.opened.below(f"spool/{feed.name}"))
        with about("exports", plan.export.name):
            mapper = compile_fields(feed.fields, pinned.schema, dataset=feed.dataset.name).salted(salts)
            plan.format.check(mapper.schema)
        selected = self._selected(feed, source, pinned, mapper)
        with about("exports", plan.export.name):
            found = RowRules(plan, feed, source, mapper, self.stage, self.connections, self.step).of(selected)
        within_limits(feed, plan, found.records)
        if plan.export.mode == "changes" and self.basis is not None:
            found = self._changes(feed, source, mapper, found, self.basis)
        return found.model_copy(update={"declared": plan.definition_hash, "salted": salts.fingerprint})

    def _skipping(self, feed: Feed, source: Source) -> Source:
        """Whose copy leaves out what was delivered."""
        if self.plan.export.mode != "incremental":
            return source
        return skipping(feed, self.plan, source, self._since(feed))

    def _since(self, feed: Feed) -> Position | None:
        """Where the last delivery of an incremental run's feed stopped."""
        return self.basis.feeds.get(feed.name) if self.basis and self.plan.mode == "incremental" else None

    def _selected(self, feed: Feed, source: Source, pinned: Pinned, mapper: Mapper) -> Selected:
        if self.basis is not None and self.plan.export.mode == "incremental":
            since = self._since(feed)
            with about("datasets", feed.dataset.name, "incremental"):
                found = added_of(feed, self.plan, source, pinned, since, self.stage, self.now)
            if warning := on_trust(found):
                self.step.warn(warning)
            return Selected(found)
        if feed.segment is None:
            return Selected(FeedExtract(feed=feed.name, pinned=pinned, kept=tuple(s.records for s in pinned.slices)))
        with about("segments", feed.segment.name):
            membership = current(self.plan.staging, feed.segment.name, self.connections)
            keys = read_keys(membership, self.plan.staging, self.connections)
        return self._members(feed, source, pinned, mapper, membership, keys)

    def _changes(self, feed: Feed, source: Source, mapper: Mapper, found: FeedExtract, basis: Basis) -> FeedExtract:
        """Of what could be sent, what differs from what was."""
        last = basis.feeds.get(feed.name)
        since = last if self.plan.mode == "changes" else None
        rows = rows_of(source, found, mapper, self.stage)
        with about("datasets", feed.dataset.name):
            return Changes(self.plan, feed, mapper, since, self.stage, self.connections).of(found, rows)

    def _members(
        self,
        feed: Feed,
        source: Source,
        pinned: Pinned,
        mapper: Mapper,
        membership: Membership,
        keys: pa.ChunkedArray,
    ) -> Selected:
        """The members of the feed's segment, staged by their row numbers, but for those that lack a required field."""
        rejects, kept = RowSet(pinned.slices), []

        def rows() -> Iterator[pa.Array]:
            for one in select(source, pinned, key=feed.dataset.key, keys=keys, required=mapper.required):
                kept.append(len(one.rows))
                rejects.add_of(one.index, as_numpy(one.rejects))
                yield one.rows

        name = f"selection/{feed.name}.arrow"
        write_selection(self.stage.opened, name, rows())
        extract = FeedExtract(
            feed=feed.name, pinned=pinned, kept=tuple(kept), selection=name, membership=membership.path
        )
        return Selected(extract, rejects)
