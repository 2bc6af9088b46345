"""One SSH connection with one SFTP session, used from ordinary threads, and reopened if it is lost."""

from __future__ import annotations

import asyncio
import concurrent.futures
import logging
import random
import threading
import time
from collections.abc import Callable, Coroutine
from datetime import timedelta
from typing import TYPE_CHECKING, Any, TypeVar

from sluice.errors import RetriableError, SluiceError
from sluice.model.access import SftpAccess
from sluice.model.origin import Origin
from sluice.ssh.connecting import Connecting
from sluice.ssh.failures import of_ssh

if TYPE_CHECKING:
    import asyncssh

Result = TypeVar("Result")


class Session:
    """Thread-safe: every request runs in one event loop, on its own thread.

    `timeout` limits one request, `retry_for` the time for which connecting is retried. `crowded` returns what to do if
    the server closes the connection while others of the same login are open."""

    def __init__(
        self,
        access: SftpAccess,
        origin: Origin,
        *,
        timeout: timedelta,
        retry_for: timedelta,
        crowded: Callable[[], str] = lambda: "",
    ) -> None:
        _quiet()
        self._connecting = Connecting(access, origin, crowded)
        self.origin = origin
        self._timeout = timeout.total_seconds()
        self._retry_for = retry_for.total_seconds()
        self._loop = asyncio.new_event_loop()
        self._opening = asyncio.Lock()
        self._connection: asyncssh.SSHClientConnection | None = None
        self._client: asyncssh.SFTPClient | None = None
        self._tried = 0
        self._failure: SluiceError | None = None
        name = f"sftp-{origin.connection}"
        self._thread = threading.Thread(target=_serve, args=(self._loop,), name=name, daemon=True)
        self._thread.start()

    @property
    def open(self) -> bool:
        """Whether the connection is open."""
        return self._client is not None and self._connection is not None and not self._connection.is_closed()

    def run(
        self,
        job: Callable[[asyncssh.SFTPClient], Coroutine[Any, Any, Result]],
        act: str,
        way_out: str = "",
        *,
        patient: bool = True,
    ) -> Result:
        """Do a job with the open session; `way_out` is what to do if the server refuses it. Raises `RetriableError` if
        the server cannot be reached (after retries with exponential backoff), is full or fails, and `FatalError` if it
        refuses the login or has an unknown host key."""
        retry_for = self._retry_for if patient else 0
        client = asyncio.run_coroutine_threadsafe(self._opened(retry_for), self._loop).result()
        return self.finish(self.begin(job(client)), act, way_out)

    def begin(self, request: Coroutine[Any, Any, Result]) -> concurrent.futures.Future[Result]:
        """Start a request on a file that a job opened; `finish` waits for its answer."""
        return asyncio.run_coroutine_threadsafe(request, self._loop)

    def finish(self, future: concurrent.futures.Future[Result], act: str, way_out: str = "") -> Result:
        """The answer to a request. Raises what `run` raises."""
        import asyncssh

        try:
            return future.result(self._timeout)
        except concurrent.futures.TimeoutError:
            self._loop.call_soon_threadsafe(self._abort)
            raise self.origin.retriable(f"cannot {act}: {self.origin.server} did not answer in time") from None
        except (OSError, EOFError, asyncssh.Error) as error:
            raise of_ssh(error, self.origin, act, way_out) from error

    def close(self) -> None:
        """Close the connection and end the thread. Otherwise both end when the session is garbage collected."""
        self._let_go()
        self._thread.join(5)

    def __del__(self) -> None:
        self._let_go()

    def _let_go(self) -> None:
        """Does not wait: the garbage collector may run on the thread itself."""
        if not self._loop.is_closed():
            self._loop.call_soon_threadsafe(_end, self._loop, self._connection)

    def _abort(self) -> None:
        """Drop the connection immediately, with all requests in progress."""
        if self._connection is not None:
            self._connection.abort()
        self._connection = self._client = None

    async def _opened(self, retry_for: float) -> asyncssh.SFTPClient:
        """The open client. Callers that waited for a failed connection attempt get the same error."""
        tried = self._tried
        async with self._opening:
            if self._client is not None and self.open:
                return self._client
            if self._tried > tried and self._failure is not None:
                raise self._failure
            self._failure = None
            try:
                self._client = await self._connect(retry_for)
            except SluiceError as failure:
                self._failure = failure
                raise
            finally:
                self._tried += 1
            return self._client

    async def _connect(self, retry_for: float) -> asyncssh.SFTPClient:
        """Connect; retries with exponential backoff for `retry_for` seconds if that can help."""
        until = time.monotonic() + retry_for
        wait = 0.5
        while True:
            try:
                self._connection, client = await self._connecting.once()
            except RetriableError:
                if time.monotonic() + wait > until:
                    raise
            else:
                return client
            await asyncio.sleep(wait * random.uniform(0.5, 1.5))  # noqa: S311 (jitter, not a secret)
            wait = min(wait * 2, 15)


def _serve(loop: asyncio.AbstractEventLoop) -> None:
    loop.run_forever()
    loop.run_until_complete(_wind_up())
    loop.close()


async def _wind_up() -> None:
    """Cancel the requests in progress, then give the connection time to close its socket."""
    unfinished = asyncio.all_tasks() - {asyncio.current_task()}
    for task in unfinished:
        task.cancel()
    await asyncio.gather(*unfinished, return_exceptions=True)
    await asyncio.sleep(0)
    await asyncio.sleep(0)


def _end(loop: asyncio.AbstractEventLoop, connection: asyncssh.SSHClientConnection | None) -> None:
    if connection is not None:
        connection.abort()
    loop.stop()


def _quiet() -> None:
    """asyncssh logs fifteen lines per connection: show only its warnings, unless its log level is set."""
    log = logging.getLogger("asyncssh")
    if log.level == logging.NOTSET:
        log.setLevel(logging.WARNING)
