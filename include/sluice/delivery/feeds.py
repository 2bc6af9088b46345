"""One feed, opened for reading: its source, its mapping and its rows, as the run has pinned them."""

from __future__ import annotations

from functools import partial

from sluice.delivery.extracted import FeedExtract
from sluice.delivery.rows import FeedRows
from sluice.delivery.selection import Selection
from sluice.delivery.staging import Stage
from sluice.mapping.mapper import Mapper, compile_fields
from sluice.model.access import Connections
from sluice.plan.model import Feed


def open_rows(feed: Feed, extract: FeedExtract, stage: Stage, connections: Connections) -> tuple[FeedRows, Mapper]:
    """The feed's delivered rows by ordinal, and the mapping that makes them."""
    source = feed.dataset.source.open(connections, dataset=feed.dataset.name)
    mapper = compile_fields(feed.fields, extract.pinned.schema, dataset=feed.dataset.name)
    selection = partial(Selection, stage.opened, extract.selection) if extract.selection else None
    return FeedRows(source, extract, mapper, selection), mapper
