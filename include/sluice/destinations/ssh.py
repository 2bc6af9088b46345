"""One SSH connection with one SFTP session, driven from ordinary threads and opened again when it was lost."""

from __future__ import annotations

import asyncio
import concurrent.futures
import logging
import random
import socket
import threading
import time
from collections.abc import Callable, Coroutine
from datetime import timedelta
from typing import TYPE_CHECKING, Any, TypeVar

from sluice.destinations.failures import Origin
from sluice.errors import DefinitionError, RetriableError, SluiceError
from sluice.model.access import SftpAccess

if TYPE_CHECKING:
    import asyncssh

Result = TypeVar("Result")

_CIPHERS = (
    "aes128-gcm@openssh.com",  # the fastest on processors with AES instructions, measured twice the default's speed
    "aes256-gcm@openssh.com",
    "chacha20-poly1305@openssh.com",
    "aes128-ctr",
    "aes192-ctr",
    "aes256-ctr",
)


class Session:
    """Safe to use from many threads: every request runs in one event loop, on a thread of its own."""

    def __init__(self, access: SftpAccess, origin: Origin, *, timeout: timedelta, retry_for: timedelta) -> None:
        _quiet()
        self._options = _options(access, origin)
        self._origin = origin
        self._timeout = timeout.total_seconds()
        self._retry_for = retry_for.total_seconds()
        self._loop = asyncio.new_event_loop()
        self._opening = asyncio.Lock()
        self._connection: asyncssh.SSHClientConnection | None = None
        self._client: asyncssh.SFTPClient | None = None
        self._tried = 0
        self._failure: SluiceError | None = None
        self._thread = threading.Thread(target=self._loop.run_forever, name=f"sftp-{origin.connection}", daemon=True)
        self._thread.start()

    def run(
        self, job: Callable[[asyncssh.SFTPClient], Coroutine[Any, Any, Result]], act: str, *, patient: bool = True
    ) -> Result:
        """Do a job with the open session. Raises `RetriableError` where the server cannot be reached (after tries with
        growing random waits), is full or failed, and `FatalError` where it refuses us or is not the one we know."""
        retry_for = self._retry_for if patient else 0
        client = asyncio.run_coroutine_threadsafe(self._opened(retry_for), self._loop).result()
        return self.finish(self.begin(job(client)), act)

    def begin(self, request: Coroutine[Any, Any, Result]) -> concurrent.futures.Future[Result]:
        """Start a request on what a job has opened; `finish` takes its answer."""
        return asyncio.run_coroutine_threadsafe(request, self._loop)

    def finish(self, future: concurrent.futures.Future[Result], act: str) -> Result:
        """The answer to a request. Raises what `run` raises."""
        import asyncssh

        try:
            return future.result(self._timeout)
        except concurrent.futures.TimeoutError:
            self._drop()
            raise self._origin.retriable(f"cannot {act}: {self._origin.server} did not answer in time") from None
        except (OSError, EOFError, asyncssh.Error) as error:
            raise of_ssh(error, self._origin, act) from error

    def close(self) -> None:
        """Close the connection and end the thread."""
        self._drop()
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(5)
        if not self._thread.is_alive():
            self._loop.close()

    def _drop(self) -> None:
        """Let the connection go at once, whatever is under way on it."""

        async def abort() -> None:
            if self._connection is not None:
                self._connection.abort()
            self._connection = self._client = None

        asyncio.run_coroutine_threadsafe(abort(), self._loop).result(5)

    async def _opened(self, retry_for: float) -> asyncssh.SFTPClient:
        """Whoever has waited while another tried in vain shares that failure."""
        tried = self._tried
        async with self._opening:
            if self._client is not None and self._connection is not None and not self._connection.is_closed():
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
        """Tries again where that can help, until `retry_for` seconds are over."""
        until = time.monotonic() + retry_for
        wait = 0.5
        while True:
            try:
                return await self._try_to_connect()
            except RetriableError:
                if time.monotonic() + wait > until:
                    raise
            await asyncio.sleep(wait * random.uniform(0.5, 1.5))  # noqa: S311 (jitter, not a secret)
            wait = min(wait * 2, 15)

    async def _try_to_connect(self) -> asyncssh.SFTPClient:
        import asyncssh

        try:
            self._connection = await asyncssh.connect(**self._options)
            _send_data_alone(self._connection)
            return await self._connection.start_sftp_client()
        except (OSError, EOFError, asyncssh.Error) as error:
            raise of_ssh(error, self._origin, "connect") from error


def _quiet() -> None:
    """asyncssh tells fifteen lines of every connection; a task's log is for its own, unless somebody has asked."""
    log = logging.getLogger("asyncssh")
    if log.level == logging.NOTSET:
        log.setLevel(logging.WARNING)


_MSG_IGNORE = 2


def _send_data_alone(connection: asyncssh.SSHClientConnection) -> None:
    """asyncssh sends an empty packet before every other one, which protects ciphers in CBC mode. `_CIPHERS` has none of
    them, and without these a gigabyte costs a quarter less of our processor time, and less of the server's."""
    send = connection.send_packet

    def send_packet(kind: int, *arguments: bytes, **options: Any) -> None:
        if kind != _MSG_IGNORE:
            send(kind, *arguments, **options)

    connection.send_packet = send_packet  # type: ignore[method-assign, assignment]


def _options(access: SftpAccess, origin: Origin) -> dict[str, Any]:
    """Neither the user's SSH configuration nor an agent has a say: a task runs the same wherever it runs."""
    return {
        "host": access.host,
        "port": access.port,
        "username": access.username,
        "password": access.password,
        "client_keys": [_private_key(access, origin)] if access.private_key else None,
        "known_hosts": _known_hosts(access, origin),
        "config": None,
        "agent_path": None,
        "encryption_algs": _CIPHERS,
        "compression_algs": ["none"],
        "connect_timeout": 10,
        "login_timeout": 30,
        "keepalive_interval": 15,
        "keepalive_count_max": 4,
    }


def _private_key(access: SftpAccess, origin: Origin) -> Any:
    import asyncssh

    try:
        return asyncssh.import_private_key((access.private_key or "").strip() + "\n", access.passphrase)
    except (asyncssh.KeyImportError, asyncssh.KeyEncryptionError):
        raise DefinitionError(
            f"connection {origin.connection}: the private key cannot be read",
            next_step=f"correct the private key or its passphrase in the Airflow connection {origin.airflow_conn_id}; "
            "keys in OpenSSH and PEM form are read, PuTTY's are not",
        ) from None


def _known_hosts(access: SftpAccess, origin: Origin) -> Any:
    """asyncssh's reading: None checks nothing, an empty tuple reads the user's file."""
    import asyncssh

    if not access.check_host_key:
        return None
    if access.host_key is None:
        return access.known_hosts or ()
    words = access.host_key.split()
    text = " ".join(words[-2:] if len(words) == 2 or not words[0].startswith(("ssh-", "ecdsa-")) else words[:2])
    try:
        return [asyncssh.import_public_key(text)], [], []
    except asyncssh.KeyImportError:
        raise DefinitionError(
            f"connection {origin.connection}: the host key cannot be read",
            next_step=f"write the extra `host_key` of the Airflow connection {origin.airflow_conn_id} as "
            f"`ssh-keyscan {access.host}` prints it: a key type, then the key",
        ) from None


def of_ssh(error: Exception, origin: Origin, act: str) -> SluiceError:
    """The error for a failure below or of the SFTP session."""
    import asyncssh

    conn = f"the Airflow connection {origin.airflow_conn_id}"
    server = origin.server
    if isinstance(error, asyncssh.SFTPError):
        return _of_sftp(error, origin, act)
    if isinstance(error, asyncssh.HostKeyNotVerifiable):
        return origin.fatal(
            f"cannot {act}: {server} does not show the host key that is known for it",
            f"ask its owner whether the key has changed; if so, put the new one into the extra `host_key` of {conn}; "
            "if not, somebody may be standing between",
        )
    if isinstance(error, asyncssh.PermissionDenied):
        return origin.fatal(
            f"cannot {act}: {server} refuses the login", f"correct the login, password or key in {conn}"
        )
    if isinstance(error, asyncssh.KeyExchangeFailed):
        return origin.fatal(f"cannot {act}: {server} and we have no cipher or key type in common")
    if isinstance(error, socket.gaierror):
        return origin.retriable(f"cannot {act}: the host name of {server} is not found", origin.correct_address())
    if isinstance(error, ConnectionRefusedError):
        return origin.retriable(
            f"cannot {act}: nothing answers at {server}: connection refused", origin.correct_address()
        )
    if isinstance(error, TimeoutError):
        return origin.retriable(f"cannot {act}: {server} did not answer in time")
    return origin.retriable(f"cannot {act}: the connection to {server} was lost")


def _of_sftp(error: asyncssh.SFTPError, origin: Origin, act: str) -> SluiceError:
    import asyncssh

    if isinstance(error, asyncssh.SFTPPermissionDenied | asyncssh.SFTPWriteProtect):
        return origin.fatal(
            f"cannot {act}: permission denied", "let this user write, rename and delete below the folder"
        )
    if isinstance(error, asyncssh.SFTPNoSuchFile | asyncssh.SFTPNoSuchPath):
        return origin.fatal(
            f"cannot {act}: there is no such file or folder", "create the folder, or allow `make_folders`"
        )
    full = isinstance(error, asyncssh.SFTPNoSpaceOnFilesystem | asyncssh.SFTPQuotaExceeded)
    if full or "no space left" in error.reason.lower():
        return origin.retriable(f"cannot {act}: the disk is full", "make room at the destination")
    if isinstance(error, asyncssh.SFTPConnectionLost | asyncssh.SFTPNoConnection):
        return origin.retriable(f"cannot {act}: the connection to {origin.server} was lost")
    return origin.retriable(
        f"cannot {act}: the server answered `{error.reason}`",
        f"look at the disk and the log of {origin.server}: OpenSSH says no more than `Failure` when its disk is full",
    )
