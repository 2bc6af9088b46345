"""Members: of a segment's dataset, the rows whose keys its last refresh has found."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, cast

from sluice.delivery.extraction import FeedExtraction, FeedStep
from sluice.delivery.rows.row_set import RowSet
from sluice.delivery.rows.selection import write_selection
from sluice.errors import about
from sluice.model.layout import as_numpy
from sluice.plan.model import Feed, Plan
from sluice.refresh.membership import current, read_keys
from sluice.sources.selection import select

if TYPE_CHECKING:
    import pyarrow as pa

    from sluice.definition.models.catalog import Segment


def _describe(_: Plan, feed: Feed) -> str | None:
    return f"selects the members of {feed.segment.name}, as last refreshed" if feed.segment else None


def _take(work: FeedExtraction) -> None:
    """Stage the members' row numbers, except of those that lack a required field."""
    name, staging, pinned = cast("Segment", work.feed.segment).name, work.plan.staging, work.extract.pinned
    with about("segments", name):
        membership = current(staging, name, work.run.connections)
        keys = read_keys(membership, staging, work.run.connections)
    lacking, kept = RowSet(pinned.slices), []

    def rows() -> Iterator[pa.Array]:
        for one in select(work.source, pinned, key=work.feed.dataset.key, keys=keys, required=work.mapper.required):
            kept.append(len(one.rows))
            lacking.add_of(one.index, as_numpy(one.rejects))
            yield one.rows

    selection = f"selection/{work.feed.name}.arrow"
    write_selection(work.run.stage.opened, selection, rows())
    work.lacking = lacking
    work.update(kept=tuple(kept), selection=selection, membership=membership.path)


MEMBERS = FeedStep("members", _describe, _take)
