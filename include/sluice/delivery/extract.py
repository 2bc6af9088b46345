"""Extract: check the plan against the data, choose the rows, and pin what the run will read."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from sluice.delivery.added import added_of
from sluice.delivery.beginning import begin
from sluice.delivery.extracted import Extracted, FeedExtract
from sluice.delivery.selection import write_selection
from sluice.delivery.staging import Stage, StagedRun
from sluice.delivery.step import noting
from sluice.delivery.watermark import Basis, Watermarks
from sluice.errors import Skipped, about
from sluice.mapping.mapper import compile_fields
from sluice.model.access import Connections
from sluice.plan.model import Feed, Plan
from sluice.refresh.membership import Membership, current, read_keys
from sluice.sources.base import Pinned, Source
from sluice.sources.selection import SliceSelection, select


def extract(plan: Plan, connections: Connections, watermarks: Watermarks, now: datetime) -> Extracted:
    """Pin every feed of the plan: of an incremental export, what was added since the last published delivery. Nothing
    reaches the destination.

    A run that was extracted under the same declarations keeps what it has pinned, as long as that can be read: a
    retry, or a cleared task, reads the same rows. Raises `DefinitionError` where the declarations do not fit the data,
    `FatalError` where the data is missing or broken, `Skipped` where a segment exceeds the target's limit.
    """
    staged = StagedRun.of(plan)
    stage = staged.open(connections)
    with noting(stage, "extract"):
        basis = begin(plan, stage, connections, watermarks)
        extracts = [_feed(feed, plan, basis, stage, connections, now) for feed in plan.feeds]
    return Extracted(
        export=plan.export.name,
        airflow_conn_id=staged.airflow_conn_id,
        folder=staged.folder,
        records=sum(one.records for one in extracts),
        rejected=sum(one.rejected for one in extracts),
        feeds={one.feed: one.records for one in extracts},
        dry_run=plan.run.dry_run,
    )


def _feed(
    feed: Feed, plan: Plan, basis: Basis | None, stage: Stage, connections: Connections, now: datetime
) -> FeedExtract:
    with about("datasets", feed.dataset.name):
        source = feed.dataset.source.open(connections, dataset=feed.dataset.name)
        before = stage.find(f"extract/{feed.name}", FeedExtract)
        if before is not None and source.intact(before.pinned):
            return before
    extracted = _pin(feed, plan, basis, source, stage, connections, now)
    stage.write(f"extract/{feed.name}", extracted)
    return extracted


def _pin(
    feed: Feed,
    plan: Plan,
    basis: Basis | None,
    source: Source,
    stage: Stage,
    connections: Connections,
    now: datetime,
) -> FeedExtract:
    with about("datasets", feed.dataset.name):
        pinned = source.pin(stage.opened.below(f"spool/{feed.name}"))
    with about("exports", plan.export.name):
        mapper = compile_fields(feed.fields, pinned.schema, dataset=feed.dataset.name)
        plan.format.check(mapper.schema)
    if basis is not None:
        since = basis.feeds.get(feed.name) if plan.mode == "incremental" else None
        with about("datasets", feed.dataset.name, "incremental"):
            return added_of(feed, plan, source, pinned, since, stage, now)
    if feed.segment is None:
        return FeedExtract(feed=feed.name, pinned=pinned, kept=tuple(piece.records for piece in pinned.slices))
    with about("segments", feed.segment.name):
        membership = current(plan.staging, feed.segment.name, connections)
        keys = read_keys(membership, plan.staging, connections)
    chosen = list(select(source, pinned, key=feed.dataset.key, keys=keys, required=mapper.required))
    _within_limits(feed, plan, sum(len(one.rows) for one in chosen))
    return _selected(feed, pinned, membership, chosen, stage)


def _selected(
    feed: Feed, pinned: Pinned, membership: Membership, chosen: Sequence[SliceSelection], stage: Stage
) -> FeedExtract:
    """The members of the feed's segment that have every required field, staged by their row numbers."""
    name = f"selection/{feed.name}.arrow"
    write_selection(stage.opened, name, (one.rows for one in chosen))
    return FeedExtract(
        feed=feed.name,
        pinned=pinned,
        kept=tuple(len(one.rows) for one in chosen),
        selection=name,
        membership=membership.path,
        rejected=sum(one.rejected for one in chosen),
    )


def _within_limits(feed: Feed, plan: Plan, records: int) -> None:
    most = plan.connection.limits.records_per_segment
    if most is not None and records > most:
        raise Skipped(
            f"segment {feed.name} has {records:,} records and connection {plan.connection.name} takes {most:,} of one"
            " segment: the export is skipped",
            next_step="split the segment, or raise limits.records_per_segment if the target takes more",
        )
