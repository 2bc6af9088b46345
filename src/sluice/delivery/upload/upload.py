"""Upload: send one shard's chunks, except those that an earlier attempt has already sent."""

from __future__ import annotations

import hashlib
import threading
import time
from collections.abc import Callable, Generator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, closing
from functools import partial

from pydantic import BaseModel, ConfigDict

from sluice.delivery.commit.committing import commit_of
from sluice.delivery.commit.names import Names
from sluice.delivery.rows.extracted import FeedExtract
from sluice.delivery.rows.opened import open_rows
from sluice.delivery.staging import Stage, StagedRun
from sluice.delivery.taking import take_names
from sluice.delivery.upload.encode import Encoding
from sluice.delivery.upload.measured import Measured
from sluice.delivery.upload.pieces import keep_pieces, namer, parts_of
from sluice.delivery.upload.progress import Progress
from sluice.delivery.upload.receipts import Arrivals, Receipts
from sluice.delivery.upload.sender import Sender
from sluice.delivery.upload.watch import Watch
from sluice.delivery.upload.workers import send_chunks
from sluice.destinations.base import Destination
from sluice.destinations.sums import common, differ
from sluice.mapping.mapper import Mapper
from sluice.memory import use
from sluice.model.access import Connections
from sluice.model.part import Chunk, Part, Shard
from sluice.plan.model import Feed, Plan


class Sent(BaseModel):
    """The receipts of a shard: all of its parts, in order."""

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
    receipts: Receipts,
    report: Callable[[dict[str, object]], None],
    stop: threading.Event | None = None,
    measured: Measured | None = None,
) -> Sent:
    """Send the shard and stage its receipts. `report` gets the progress every few seconds, as a JSON value.

    Raises `RetriableError` if a retry may help; the receipts record what has arrived by then. If the destination keeps
    no files to check parts by, receipts are valid only until the run is aborted. Raises `Stopped` soon after `stop` is
    set or the run is aborted: uploads in progress are cancelled, and nothing more is sent.
    """
    began, stage = time.monotonic(), staged.open(connections)
    plan = stage.read("plan", Plan)
    use(plan.memory)
    extract = stage.read(f"extract/{shard.feed}", FeedExtract)
    feed, threads, connection = plan.feed(shard.feed), plan.chunks.threads, plan.connection
    progress = Progress(feed=shard.feed, chunks=shard.chunks, records=shard.records, report=report)
    with ExitStack() as open_:
        destination = connection.destination.open(connections, name=connection.name, threads=threads)
        open_.enter_context(closing(destination))
        commit, names = commit_of(plan, stage, destination, connections), Names(plan, destination, connections)
        watch = Watch(commit, stop or threading.Event(), names.holds_all)
        opened = open_.enter_context(watch)
        take_names(plan, stage, destination, connections, opened)
        key = extract.id if connection.destination.stays else f"{extract.id} of opening {opened}"
        arrivals = open_.enter_context(closing(Arrivals(receipts, key, progress)))
        wanted, named = parts_of(plan, stage, shard, extract.records), namer(plan, stage, feed)
        before = _still_wanted(_sent_before(plan, shard, extract, stage, receipts.sent(key)), named, wanted)
        unchanged = partial(_is_as_sent, destination, exactly=connection.openpgp is not None)
        for part in _checked(unchanged, before, threads) if connection.destination.stays else before:
            arrivals.open(part)
        missing = [chunk for chunk in wanted if chunk.key not in arrivals.parts]
        rows, mapper = open_rows(feed, extract, stage, connections)
        encoding, keep = _encoding(plan, feed, mapper, connections, watch), partial(keep_pieces, stage, feed.name)
        sender = Sender(encoding, destination, named, keep, plan.chunks, measured=measured or Measured())
        _send(send_chunks(rows, missing, sender), arrivals, watch)
        parts = tuple(part for _, part in sorted(arrivals.parts.items()))
        sent = Sent(shard=shard.number, extract=extract.id, parts=parts, seconds=round(time.monotonic() - began, 3))
        _settle(sent, stage, arrivals, stays=connection.destination.stays)
    progress.tick(last=True)
    return sent


def _settle(sent: Sent, stage: Stage, arrivals: Arrivals, *, stays: bool) -> None:
    """Stage the shard's result. From then on it counts as receipts, if the parts can be checked: see `_sent_before`."""
    stage.write(f"sent/{sent.shard:04d}", sent)
    if stays:
        arrivals.forget()


def _encoding(plan: Plan, feed: Feed, mapper: Mapper, connections: Connections, watch: Watch) -> Encoding:
    connection = plan.connection
    encryptor = connection.openpgp.open(connections, name=connection.name) if connection.openpgp else None
    return Encoding(feed.name, plan.format, mapper.schema, plan.chunks.bytes, encryptor, watch.stop)


def _send(arriving: Generator[Part | None], arrivals: Arrivals, watch: Watch) -> None:
    """Record each part as it arrives; meanwhile report the progress, and check whether to stop. Nothing is being sent
    any more when it returns or raises."""
    with closing(arriving):
        for arrived in arriving:
            if arrived is not None:
                arrivals.arrived(arrived)
            arrivals.tick()
            watch.tick()


def _sent_before(plan: Plan, shard: Shard, extract: FeedExtract, stage: Stage, recorded: Sequence[Part]) -> list[Part]:
    """The parts of these rows that earlier attempts have sent.

    What the run has staged before its tasks were cleared counts, too, unless the destination does not keep files: then
    a part cannot be checked, and the run may have been aborted since. An encrypted part must be found again: it cannot
    be made again with the same bytes, and a manifest may list it."""
    found = {part.name: part for part in recorded}
    staged = stage.find(f"sent/{shard.number:04d}", Sent) if plan.connection.destination.stays else None
    if staged is not None and staged.extract == extract.id:
        found = {part.name: part for part in staged.parts} | found
    return list(found.values())


def _still_wanted(parts: list[Part], named: Callable[[Chunk], str], wanted: Sequence[Chunk]) -> list[Part]:
    """The parts that this attempt would send under the same name, with the same number of rows."""
    records = {named(chunk): chunk.records for chunk in wanted}
    return [part for part in parts if records.get(part.name) == part.records]


def _checked(unchanged: Callable[[Part], bool], parts: list[Part], threads: int) -> list[Part]:
    with ThreadPoolExecutor(threads, thread_name_prefix="stat") as pool:
        return [part for part, found in zip(parts, pool.map(unchanged, parts), strict=True) if found]


def _is_as_sent(destination: Destination, part: Part, *, exactly: bool) -> bool:
    """Whether the part at the destination is unchanged, by the server's checksum. Without a checksum, the same name and
    size mean the same bytes. With `exactly`, the part is read instead, because its bytes differ between attempts."""
    stored = destination.stat(part.name)
    if stored is None or stored.size != part.bytes:
        return False
    if common(stored.checksum, part.checksum):
        return not differ(stored.checksum, part.checksum)
    if not exactly:
        return True
    sha256 = hashlib.sha256()
    for piece in destination.read(part.name):
        sha256.update(piece)
    return sha256.hexdigest() == part.sha256
