"""Object stores, whatever their cloud: what S3, Google Cloud Storage and Azure have in common.

A file of at most one piece is one request. A longer one is a multipart upload, streamed with bounded memory: nobody
sees it before it is complete, and it is aborted when the source or the server fails.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import timedelta
from itertools import islice
from typing import TYPE_CHECKING, Any, ClassVar

from pydantic import Field

from sluice.destinations.base import Capabilities, DestinationConfig, Stored
from sluice.destinations.body import Body
from sluice.destinations.failures import Origin, of_server
from sluice.destinations.names import below, join
from sluice.errors import SluiceError
from sluice.memory import budget, cores
from sluice.model.declared import Duration

if TYPE_CHECKING:
    from obstore import ObjectMeta
    from obstore.store import AzureStore, ClientConfig, GCSStore, RetryConfig, S3Store

MIB = 1 << 20
_IN_FLIGHT = 8
"""Pieces of one file that are sent at once, at most."""

_REMOVED_AT_ONCE = 1000


class ObjectStoreConfig(DestinationConfig):
    """What every object store's declaration shares."""

    piece_mib: int = Field(default=8, ge=5, le=512)
    """Mebibytes of one piece of a multipart upload; a file has at most 10,000 pieces, so 8 allows 78 GiB."""
    timeout: Duration = Field(default=timedelta(minutes=2), gt=timedelta(0))
    """How long one request may take before it counts as lost; a piece must get through in this time."""
    retry_for: Duration = timedelta(minutes=3)
    """How long a failed request is tried again, with growing random waits, before the failure is reported."""

    can: ClassVar[Capabilities] = Capabilities(checksum=True)

    def client(
        self, *, verify: bool | str = True, plain_http: bool = False, headers: Mapping[str, str] | None = None
    ) -> ClientConfig:
        """The HTTP client's settings: `verify` is False, True, or the path of a certificate authority's PEM file;
        `headers` go with every request."""
        settings: ClientConfig = {
            "timeout": self.timeout,
            "connect_timeout": min(self.timeout, timedelta(seconds=10)),
            "allow_http": plain_http,
            "allow_invalid_certificates": verify is False,
        }
        if headers:
            settings["default_headers"] = dict(headers)
        if isinstance(verify, str):
            from pathlib import Path

            settings["root_certificate"] = Path(verify).read_bytes()
        return settings

    def retries(self) -> RetryConfig:
        """Ten tries at most, the waits doubling from 0.2 s with jitter, all within `retry_for`."""
        backoff = {"init_backoff": timedelta(seconds=0.2), "max_backoff": timedelta(seconds=15), "base": 2}
        return {"max_retries": 10, "retry_timeout": self.retry_for, "backoff": backoff}  # type: ignore[typeddict-item]


class Credentials:
    """A credential provider for obstore, which keeps what it raised: the client would pass on its text alone."""

    def __init__(self, give: Callable[[], Any]) -> None:
        self._give = give
        self.failure: SluiceError | None = None

    def __call__(self) -> Any:
        self.failure = None
        try:
            return self._give()
        except SluiceError as failure:
            self.failure = failure
            raise


class ObjectStore:
    """A destination on an opened object store; `abort_uploads` is the cloud's own way to find and discard unfinished
    uploads, given their full keys. `writer` is the store that files are put through where that is another one."""

    def __init__(
        self,
        store: S3Store | GCSStore | AzureStore,
        config: ObjectStoreConfig,
        origin: Origin,
        *,
        threads: int,
        address: str,
        credentials: Credentials | None = None,
        abort_uploads: Callable[[set[str]], int],
        writer: S3Store | GCSStore | AzureStore | None = None,
    ) -> None:
        self._store = store
        self._writer = writer or store
        self._folder = config.folder
        self._origin = origin
        self._piece = config.piece_mib * MIB
        self._in_flight = _in_flight(self._piece, threads, origin)
        self._address = address
        self._credentials = credentials
        self._abort_uploads = abort_uploads

    def put(self, name: str, body: Iterable[bytes]) -> Stored:
        import obstore

        key, sent = self._key(name), Body(body)
        with self._guard("write", key, sent):
            whole = sent.take(self._piece)
            if whole is not None:
                result = obstore.put(self._writer, key, whole, use_multipart=False)
            else:
                result = obstore.put(
                    self._writer, key, sent, chunk_size=self._piece, max_concurrency=self._in_flight, use_multipart=True
                )
        return Stored(name, sent.size, result["e_tag"])

    def stat(self, name: str) -> Stored | None:
        import obstore

        key = self._key(name)
        with self._guard("look at", key):
            try:
                return self._stored(obstore.head(self._store, key))
            except FileNotFoundError:
                return None

    def list(self, folder: str) -> Iterator[Stored]:
        import obstore

        prefix = join(self._folder, folder)
        with self._guard("list", prefix):
            pages = obstore.list(self._store, prefix=prefix or None, chunk_size=1000)
            found = [self._stored(meta) for page in pages for meta in page]
        yield from sorted(found, key=lambda stored: stored.name)

    def read(self, name: str) -> Iterator[bytes]:
        import obstore

        key = self._key(name)
        with self._guard("read", key):
            pieces = iter(obstore.get(self._store, key).stream(min_chunk_size=MIB))
        while True:
            with self._guard("read", key):
                piece = next(pieces, None)
            if piece is None:
                return
            yield bytes(piece)

    def remove(self, names: Iterable[str]) -> None:
        keys = iter([self._key(name) for name in names])
        while some := list(islice(keys, _REMOVED_AT_ONCE)):
            self._remove(some)

    def abort(self, names: Iterable[str]) -> int:
        keys = {self._key(name) for name in names}
        return self._abort_uploads(keys) if keys else 0

    def locate(self, name: str) -> str:
        return f"{self._address}/{self._key(name)}"

    def close(self) -> None:
        """The client's connections end with the object."""

    def _key(self, name: str) -> str:
        return below(self._folder, name, self._origin)

    def _remove(self, keys: Sequence[str]) -> None:
        import obstore

        with self._guard("remove", keys[0]):
            try:
                obstore.delete(self._store, keys)
            except FileNotFoundError:
                if len(keys) > 1:
                    for key in keys:
                        self._remove([key])

    def _stored(self, meta: ObjectMeta) -> Stored:
        name = meta["path"][len(self._folder) + 1 :] if self._folder else meta["path"]
        return Stored(name, meta["size"], meta["e_tag"])

    @contextmanager
    def _guard(self, verb: str, key: str, body: Body | None = None) -> Iterator[None]:
        """The source's own failure passes as it is; the client's becomes ours, without its text: see `failures`."""
        try:
            yield
        except SluiceError:
            raise
        except Exception as error:
            if body is not None and body.failure is not None:
                raise body.failure from None
            if self._credentials is not None and self._credentials.failure is not None:
                raise self._credentials.failure from None
            act = f"{verb} {self._address}/{key}"
            if isinstance(error, FileNotFoundError) and verb == "read" and "NoSuchBucket" not in str(error):
                raise self._origin.fatal(f"{self._address}/{key} is not there") from None
            raise of_server(str(error), self._origin, act) from None


def _in_flight(piece: int, threads: int, origin: Origin) -> int:
    """Pieces of one file that are sent at once: as many as the memory for sending holds of all that are streamed,
    besides the one that each fills and the one that it began with."""
    memory = budget()
    if 4 * piece > memory.sending.size:
        raise origin.fatal(
            f"pieces of {piece // MIB} MiB do not fit into {memory.total // 10**6:,} MB of memory",
            f"declare a smaller `piece_mib`, or `memory: {-(-16 * piece // 10**6)} MB` at least",
        )
    streams = min(threads, cores() + 1)
    return max(1, min(_IN_FLIGHT, memory.sending.size // (piece * streams) - 2))
