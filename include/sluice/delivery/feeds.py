"""One feed, opened for reading: its source, its mapping and its rows, as the run has pinned them."""

from __future__ import annotations

from functools import partial

from sluice.delivery.extracted import FeedExtract
from sluice.delivery.rows import FeedRows
from sluice.delivery.selection import Selection
from sluice.delivery.staging import Stage
from sluice.errors import FatalError
from sluice.mapping.mapper import Mapper, compile_fields
from sluice.mapping.salts import read_salts
from sluice.model.access import Connections
from sluice.plan.model import Feed


def open_rows(feed: Feed, extract: FeedExtract, stage: Stage, connections: Connections) -> tuple[FeedRows, Mapper]:
    """The feed's delivered rows by ordinal, and the mapping that makes them. Raises `FatalError` where the salt of a
    hash has changed since the rows were pinned: half of a delivery would not match the other."""
    salts = read_salts(feed.fields, connections)
    if salts.fingerprint != extract.salted:
        raise FatalError(
            f"{feed.name}: the salt of its hashes has changed since the run began",
            next_step="clear the run from `extract` on",
        )
    source = feed.dataset.source.open(connections, dataset=feed.dataset.name)
    mapper = compile_fields(feed.fields, extract.pinned.schema, dataset=feed.dataset.name).salted(salts)
    selection = partial(Selection, stage.opened, extract.selection) if extract.selection else None
    return FeedRows(source, extract, mapper, selection), mapper
