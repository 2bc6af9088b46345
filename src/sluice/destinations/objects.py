"""Object stores: what S3, Google Cloud Storage and Azure have in common.

A file of at most one piece is one request. A longer one is a multipart upload, streamed with bounded memory. It is
invisible until it is complete, and it is aborted if the source or the server fails. Every request with data also sends
its checksum, and the store's answer is compared with it.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import suppress
from datetime import timedelta
from itertools import islice
from typing import ClassVar, NamedTuple, Protocol, TypeVar

from pydantic import Field, PrivateAttr

from sluice.destinations.base import Capabilities, DestinationConfig, Stored
from sluice.destinations.body import Body
from sluice.destinations.failures import Failure, Origin, WrongAnswerError
from sluice.destinations.names import below, folder_below
from sluice.destinations.retries import Retries
from sluice.destinations.sums import Digest
from sluice.errors import SluiceError
from sluice.filesystem.clients import Waits
from sluice.memory import budget, cores
from sluice.model.declared import Duration

Result = TypeVar("Result")

MIB = 1 << 20
_IN_FLIGHT = 8
"""The most pieces of one file that are sent in parallel."""
_MOST_PIECES = 10_000


class ObjectStoreConfig(DestinationConfig):
    """The keys that every object store has."""

    piece_mib: int = Field(default=8, ge=5, le=512)
    """The size of one piece of a multipart upload, in MiB. A file has at most 10,000 pieces, so 8 allows 78 GiB."""
    timeout: Duration = Field(default=timedelta(minutes=2), gt=timedelta(0))
    """How long a request may make no progress, neither sending nor receiving, before it counts as lost."""
    retry_for: Duration = timedelta(minutes=3)
    """How long a failed request is retried, with exponential backoff, before the failure is reported."""

    can: ClassVar[Capabilities] = Capabilities(checksum=True)

    _piece: int | None = PrivateAttr(default=None)

    @property
    def piece(self) -> int:
        """The size of one piece, in bytes."""
        return self._piece or self.piece_mib * MIB

    def in_pieces_of(self, size: int) -> ObjectStoreConfig:
        config = self.model_copy()
        config._piece = size
        return config

    def waits(self, threads: int) -> Waits:
        """The timeouts of a client of this store, with a connection for each request that may be in progress."""
        return Waits(self.timeout, threads * (_IN_FLIGHT + 1))


class Found(NamedTuple):
    """An object in the store; `checksum` names its kind."""

    key: str
    size: int
    checksum: str | None


class Upload(Protocol):
    """A multipart upload in progress. Parts may be sent from many threads."""

    def part(self, number: int, body: bytes) -> None:
        """Send a part, counted from 1."""
        ...

    def complete(self, size: int, digest: bytes) -> str | None:
        """Join the parts to the object. Returns the checksum that the store confirms. `digest` is that of all bytes."""
        ...

    def abort(self) -> None:
        """Discard the parts."""
        ...


class Store(Protocol):
    """One bucket or container. Thread-safe. Raises what its cloud's client raises, and `SluiceError` if an answer shows
    that something is wrong. It never retries."""

    removed_at_once: int
    """The most keys that one request can remove."""

    def digest(self) -> Digest:
        """A new, empty checksum of the kind that completes an upload."""
        ...

    def put(self, key: str, body: bytes) -> str | None:
        """Send an object in one request. Returns the checksum that the store confirms."""
        ...

    def begin(self, key: str) -> Upload:
        """Start a multipart upload."""
        ...

    def look(self, key: str) -> Found | None:
        """The object, or None if it does not exist."""
        ...

    def page(self, prefix: str, token: str | None) -> tuple[list[Found], str | None]:
        """One page of the objects whose keys start with `prefix`, and the token of the next page."""
        ...

    def open(self, key: str, start: int) -> Iterator[bytes]:
        """The object's bytes from `start` on. Raises `KeyError` if it does not exist."""
        ...

    def remove(self, keys: Sequence[str]) -> None:
        """Remove at most `removed_at_once` objects. An object that does not exist is not an error."""
        ...

    def abort(self, keys: set[str]) -> int:
        """Discard every unfinished upload of these keys. Returns their number."""
        ...

    def failure(self, error: Exception, origin: Origin, act: str) -> Failure:
        """The failure for an exception of the client."""
        ...


class ObjectStore:
    """A destination on an opened store."""

    def __init__(self, store: Store, config: ObjectStoreConfig, origin: Origin, *, threads: int, address: str) -> None:
        self._store = store
        self._folder = config.folder
        self._origin = origin
        self._piece = config.piece
        self._retry_for = config.retry_for
        self._in_flight = _in_flight(config.piece, threads, origin)
        self._address = address
        self._pool = ThreadPoolExecutor(threads * self._in_flight, thread_name_prefix=f"send-{origin.connection}")

    def put(self, name: str, body: Iterable[bytes]) -> Stored:
        key, sent = self._key(name), Body(body)
        whole = sent.take(self._piece)
        if whole is not None:
            return Stored(name, sent.size, self._ask("write", key, lambda: self._store.put(key, whole)))
        checksum = self._stream(key, sent)
        return Stored(name, sent.size, checksum)

    def stat(self, name: str) -> Stored | None:
        key = self._key(name)
        found = self._ask("check", key, lambda: self._store.look(key))
        return self._stored(found) if found else None

    def list(self, folder: str) -> Iterator[Stored]:
        prefix = folder_below(self._folder, folder, self._origin)
        prefix = f"{prefix}/" if prefix else ""
        found: list[Found] = []
        token: str | None = None
        while True:
            asked = token
            rows, token = self._ask("list", prefix, lambda asked=asked: self._store.page(prefix, asked))  # type: ignore[misc]
            found += rows
            if not token:
                break
        yield from sorted((self._stored(one) for one in found), key=lambda stored: stored.name)

    def read(self, name: str) -> Iterator[bytes]:
        key, start = self._key(name), 0
        retries = self._retries("read", key)
        while True:
            try:
                for piece in self._store.open(key, start):
                    start += len(piece)
                    yield piece
            except KeyError:
                raise self._origin.fatal(f"{self._address}/{key} does not exist") from None
            except Exception as error:
                retries.failed(error)
            else:
                return

    def remove(self, names: Iterable[str]) -> None:
        keys = iter([self._key(name) for name in names])
        batches = iter(lambda: list(islice(keys, self._store.removed_at_once)), [])
        removals = [self._pool.submit(self._remove, batch) for batch in batches]
        try:
            for removal in removals:
                removal.result()
        except BaseException:
            _end(removals)
            raise

    def abort(self, names: Iterable[str]) -> int:
        keys = {self._key(name) for name in names}
        if not keys:
            return 0
        return self._ask("abort uploads of", min(keys), lambda: self._store.abort(keys))

    def locate(self, name: str) -> str:
        return f"{self._address}/{self._key(name)}"

    def close(self) -> None:
        self._pool.shutdown(cancel_futures=True)

    def _key(self, name: str) -> str:
        return below(self._folder, name, self._origin)

    def _remove(self, keys: Sequence[str]) -> None:
        self._ask("remove", keys[0], lambda: self._store.remove(keys))

    def _stream(self, key: str, sent: Body) -> str | None:
        """Send a body in pieces; leave nothing behind if that fails."""
        upload = self._ask("write", key, lambda: self._store.begin(key))
        digest = self._store.digest()
        under_way: deque[Future[None]] = deque()
        try:
            for number, piece in enumerate(sent.cut(self._piece), 1):
                self._few_enough(number, key)
                digest.update(piece)
                while len(under_way) >= self._in_flight:
                    under_way.popleft().result()
                under_way.append(self._pool.submit(self._part, upload, key, number, piece))
            while under_way:
                under_way.popleft().result()
            return self._ask("write", key, lambda: upload.complete(sent.size, digest.digest()))
        except BaseException:
            _end(under_way)
            with suppress(SluiceError):
                self._ask("abort the upload of", key, upload.abort)
            raise

    def _part(self, upload: Upload, key: str, number: int, piece: bytes) -> None:
        self._ask("write", key, lambda: upload.part(number, piece))

    def _few_enough(self, number: int, key: str) -> None:
        if number > _MOST_PIECES:
            raise self._origin.fatal(
                f"cannot write {self._address}/{key}: it has more than {_MOST_PIECES:,} pieces",
                f"declare a larger `piece_mib` than {self._piece // MIB}, or smaller chunks",
            )

    def _stored(self, found: Found) -> Stored:
        name = found.key[len(self._folder) + 1 :] if self._folder else found.key
        return Stored(name, found.size, found.checksum)

    def _ask(self, verb: str, key: str, request: Callable[[], Result]) -> Result:
        return self._retries(verb, key).run(request)

    def _retries(self, verb: str, key: str) -> Retries:
        act = f"{verb} {self._address}/{key}"

        def failure(error: Exception) -> Failure:
            if isinstance(error, WrongAnswerError):
                return error.failure(self._origin, act)
            if isinstance(error, SluiceError):
                return Failure(error, passing=False)
            return self._store.failure(error, self._origin, act)

        return Retries(self._retry_for, failure)


def _end(requests: Iterable[Future[None]]) -> None:
    """Cancel the requests that have not begun, and wait for the others: then none is in progress."""
    begun = [request for request in requests if not request.cancel()]
    for request in begun:
        request.exception()


def _in_flight(piece: int, threads: int, origin: Origin) -> int:
    """How many pieces of one file are sent in parallel: as many as fit into the memory for sending, shared by all files
    that are streamed, minus two: the piece that is being filled, and the one that the file started with."""
    memory = budget()
    if 4 * piece > memory.sending.size:
        raise origin.fatal(
            f"pieces of {piece // MIB} MiB do not fit into {memory.total // 10**6:,} MB of memory",
            f"declare a smaller `piece_mib`, or at least `memory: {-(-16 * piece // 10**6)} MB`",
        )
    streams = min(threads, cores() + 1)
    return max(1, min(_IN_FLIGHT, memory.sending.size // (piece * streams) - 2))
