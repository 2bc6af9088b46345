"""Upload: send one shard's chunks, skipping those that a former try has already sent."""

from __future__ import annotations

import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from functools import partial

from pydantic import BaseModel, ConfigDict

from sluice.chunk.cut import chunks_of
from sluice.delivery.extracted import FeedExtract
from sluice.delivery.feeds import open_rows
from sluice.delivery.lanes import send_chunks
from sluice.delivery.ledger import Books, Ledger
from sluice.delivery.progress import Progress
from sluice.delivery.sender import Sender
from sluice.delivery.staging import StagedRun
from sluice.destinations.base import Destination
from sluice.mapping.mapper import Mapper
from sluice.model.access import Connections
from sluice.model.part import Part, Shard
from sluice.plan.model import Plan


class Sent(BaseModel):
    """A shard's receipts: every one of its parts, by chunk number."""

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
    spec, connection = plan.export.chunks, plan.connection
    progress = Progress(feed=shard.feed, chunks=shard.chunks, records=shard.records, tell=tell)
    books = Books(ledger, extract.id, progress)
    with (
        closing(connection.destination.open(connections, name=connection.name, threads=spec.threads)) as destination,
        closing(books),
    ):
        before = ledger.sent(extract.id)
        for part in _present(before, destination, spec.threads) if connection.destination.stays else before:
            books.open(part)
        chunks = chunks_of(extract.records, spec.records, shard.first_chunk, shard.chunks)
        missing = [chunk for chunk in chunks if chunk.number not in books.parts]
        rows, mapper = open_rows(plan.feed(shard.feed), extract, stage, connections)
        for arrived in send_chunks(rows, missing, _sender(plan, shard.feed, mapper, destination)):
            if arrived is not None:
                books.arrived(arrived)
            books.tick()
    progress.tick(last=True)
    parts = tuple(part for _, part in sorted(books.parts.items()))
    sent = Sent(shard=shard.number, extract=extract.id, parts=parts, seconds=round(time.monotonic() - began, 3))
    stage.write(f"sent/{shard.number:04d}", sent)
    return sent


def _sender(plan: Plan, feed: str, mapper: Mapper, destination: Destination) -> Sender:
    spec = plan.export.chunks
    return Sender(
        feed=feed,
        destination=destination,
        format=plan.format,
        schema=mapper.schema,
        name_of=partial(plan.part_name, plan.feed(feed)),
        retries=spec.retries,
        retry_delay=spec.retry_delay,
        threads=spec.threads,
    )


def _present(parts: list[Part], destination: Destination, threads: int) -> list[Part]:
    """Those parts that are still there, as they were sent."""
    with ThreadPoolExecutor(threads, thread_name_prefix="stat") as pool:
        found = pool.map(lambda part: destination.stat(part.name), parts)
        return [
            part for part, stored in zip(parts, found, strict=True) if stored is not None and stored.size == part.bytes
        ]
