"""Open one feed for reading: its source, its mapping and its rows, as the run has pinned them."""

from __future__ import annotations

from functools import partial

from sluice.delivery.rows.extracted import FeedExtract
from sluice.delivery.rows.rows import FeedRows
from sluice.delivery.rows.selection import Selection
from sluice.delivery.staging import Stage
from sluice.errors import FatalError
from sluice.mapping.mapper import Mapper, compile_fields
from sluice.mapping.salts import read_salts
from sluice.model.access import Connections
from sluice.plan.model import Feed
from sluice.sources.base import Source
from sluice.sources.spooling import Copies


def source_of(feed: Feed, extract: FeedExtract, connections: Connections) -> Source:
    """The source of the feed's rows: the dataset, or with the mode `changes` the copy of its changed rows."""
    if extract.changes is not None:
        return Copies(connections, dataset=feed.dataset.name).of(extract.pinned)
    return feed.dataset.source.open(connections, dataset=feed.dataset.name)


def mapper_of(feed: Feed, extract: FeedExtract) -> Mapper:
    """The mapping from stored rows to delivered rows. A copy of changes already holds delivered rows."""
    fields = feed.fields if extract.changes is None else None
    return compile_fields(fields, extract.pinned.schema, dataset=feed.dataset.name)


def open_rows(feed: Feed, extract: FeedExtract, stage: Stage, connections: Connections) -> tuple[FeedRows, Mapper]:
    """The feed's delivered rows by ordinal, and their mapping. Raises `FatalError` if the salt of a hash has changed
    since the rows were pinned: hashes in one half of the delivery would not match those in the other."""
    salts = read_salts(feed.fields, connections)
    if salts.fingerprint != extract.salted:
        raise FatalError(
            f"{feed.name}: the salt of its hashes has changed since the run started",
            next_step="clear the run from `extract` on",
        )
    source, mapper = source_of(feed, extract, connections), mapper_of(feed, extract).salted(salts)
    return rows_of(source, extract, mapper, stage), mapper


def rows_of(source: Source, extract: FeedExtract, mapper: Mapper, stage: Stage) -> FeedRows:
    """The rows of an extract, read from its source and mapped."""
    selection = partial(Selection, stage.opened, extract.selection) if extract.selection else None
    return FeedRows(source, extract, mapper, selection)
