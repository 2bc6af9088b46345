"""Members: the rows of a feed's dataset whose keys the last refresh of its segment has found. For accounts that are
delivered as their contacts, the contacts whose account's key it has found."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, cast

from sluice.delivery.extraction import FeedExtraction, FeedStep
from sluice.delivery.rows.selection import write_selection
from sluice.errors import DefinitionError, about
from sluice.model.layout import as_numpy
from sluice.plan.model import Feed, Plan
from sluice.refresh.membership import members, read_keys
from sluice.refresh.rows import ReadFrom, find_rows
from sluice.sources.base import known_columns
from sluice.sources.row_set import RowSet
from sluice.sources.selection import comparable, select

if TYPE_CHECKING:
    import pyarrow as pa

    from sluice.definition.models.catalog import Segment


def _describe(_: Plan, feed: Feed) -> str | None:
    if feed.segment is None:
        return None
    rows = f"contacts of the accounts in {feed.segment.name}" if feed.through else f"members of {feed.segment.name}"
    return f"selects the {rows}, as last refreshed"


def _take(work: FeedExtraction) -> None:
    """Stage the members' row numbers, except of those that lack a required field."""
    segment, staging, pinned = cast("Segment", work.feed.segment), work.plan.staging, work.extract.pinned
    connections, read = work.run.connections, ReadFrom(work.source, pinned)
    with about("segments", segment.name):
        membership = members(segment, work.feed.through or work.feed.dataset, staging, connections)
        known = find_rows(membership, work.feed.dataset, work.feed.member, read, staging, connections)
        keys = read_keys(membership, staging, connections) if known is None else None
    if keys is not None:
        check_keys(work.feed, pinned.schema, keys)
    lacking, kept = RowSet(pinned.slices), []

    def rows() -> Iterator[pa.Array]:
        required = work.mapper.required
        for one in select(work.source, pinned, key=work.feed.member, keys=keys, rows=known, required=required):
            kept.append(len(one.rows))
            lacking.add_of(one.index, as_numpy(one.rejects))
            yield one.rows

    selection = f"selection/{work.feed.name}.arrow"
    write_selection(work.run.stage.opened, selection, rows())
    work.lacking = lacking
    accounts = membership.records if work.feed.through else None
    work.update(kept=tuple(kept), selection=selection, membership=membership.path, accounts=accounts)


def check_keys(feed: Feed, schema: pa.Schema, keys: pa.ChunkedArray) -> None:
    """Raises `DefinitionError` if the contacts' column does not exist, or if its values cannot equal the keys of
    accounts."""
    if feed.through is None:
        return
    with about("datasets", feed.through.name, "contacts", "key"):
        column = known_columns(schema, [feed.member], dataset=feed.dataset.name).field(0)
        if not comparable(column.type, keys.type):
            raise DefinitionError(
                f"{feed.member} of {feed.dataset.name} is {column.type}, but the key of {feed.through.name}, which it"
                f" should contain, is {keys.type}",
                next_step="cast one of them in the data",
            )


MEMBERS = FeedStep("members", _describe, _take)
