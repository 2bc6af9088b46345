"""Upload: send one shard's chunks, skipping those that a former try has already sent."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from functools import partial

from pydantic import BaseModel, ConfigDict

from sluice.delivery.encode import Encoding
from sluice.delivery.extracted import FeedExtract
from sluice.delivery.feeds import open_rows
from sluice.delivery.lanes import send_chunks
from sluice.delivery.ledger import Books, Ledger
from sluice.delivery.pieces import keep_pieces, parts_of
from sluice.delivery.progress import Progress
from sluice.delivery.sender import Sender
from sluice.delivery.staging import Stage, StagedRun
from sluice.destinations.base import Destination
from sluice.mapping.mapper import Mapper
from sluice.model.access import Connections
from sluice.model.part import Chunk, Part, Shard
from sluice.plan.model import Feed, Plan


class Sent(BaseModel):
    """A shard's receipts: every one of its parts, in their order."""

    model_config = ConfigDict(frozen=True)

    shard: int
    extract: str
    parts: tuple[Part, ...]
    seconds: float

    @property
    def records(self) -> int:
        return sum(part.records for part in self.parts)

    @property
    def bytes(self) -> int:
        return sum(part.bytes for part in self.parts)


def upload(
    staged: StagedRun,
    shard: Shard,
    connections: Connections,
    ledger: Ledger,
    tell: Callable[[dict[str, object]], None],
) -> Sent:
    """Send the shard and stage its receipts. `tell` hears of the progress every few seconds.

    Raises `RetriableError` where another try may help: what has arrived by then is in the ledger.
    """
    began = time.monotonic()
    stage = staged.open(connections)
    plan = stage.read("plan", Plan)
    extract = stage.read(f"extract/{shard.feed}", FeedExtract)
    feed, threads, connection = plan.feed(shard.feed), plan.chunks.threads, plan.connection
    progress = Progress(feed=shard.feed, chunks=shard.chunks, records=shard.records, tell=tell)
    books = Books(ledger, extract.id, progress)
    with (
        closing(connection.destination.open(connections, name=connection.name, threads=threads)) as destination,
        closing(books),
    ):
        wanted = parts_of(plan, stage, shard, extract.records)
        before = _still_wanted(ledger.sent(extract.id), plan, feed, wanted)
        for part in _present(before, destination, threads) if connection.destination.stays else before:
            books.open(part)
        missing = [chunk for chunk in wanted if chunk.key not in books.parts]
        rows, mapper = open_rows(feed, extract, stage, connections)
        for arrived in send_chunks(rows, missing, _sender(plan, feed, mapper, destination, stage)):
            if arrived is not None:
                books.arrived(arrived)
            books.tick()
    progress.tick(last=True)
    parts = tuple(part for _, part in sorted(books.parts.items()))
    sent = Sent(shard=shard.number, extract=extract.id, parts=parts, seconds=round(time.monotonic() - began, 3))
    stage.write(f"sent/{shard.number:04d}", sent)
    return sent


def _sender(plan: Plan, feed: Feed, mapper: Mapper, destination: Destination, stage: Stage) -> Sender:
    return Sender(
        encoding=Encoding(feed.name, plan.format, mapper.schema, plan.chunks.bytes),
        destination=destination,
        name_of=partial(plan.part_name, feed),
        keep=partial(keep_pieces, stage, feed.name),
        rules=plan.chunks,
    )


def _still_wanted(parts: list[Part], plan: Plan, feed: Feed, wanted: Sequence[Chunk]) -> list[Part]:
    """Those parts of a former try that this one would send under the same name, from the same number of rows."""
    records = {plan.part_name(feed, *chunk.key): chunk.records for chunk in wanted}
    return [part for part in parts if records.get(part.name) == part.records]


def _present(parts: list[Part], destination: Destination, threads: int) -> list[Part]:
    """Those parts that are still there, as they were sent."""
    with ThreadPoolExecutor(threads, thread_name_prefix="stat") as pool:
        found = pool.map(lambda part: destination.stat(part.name), parts)
        return [
            part for part, stored in zip(parts, found, strict=True) if stored is not None and stored.size == part.bytes
        ]
