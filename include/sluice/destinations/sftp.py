"""SFTP servers: a file is written under a hidden name beside its own, then renamed."""

from __future__ import annotations

import posixpath
import stat
from collections import deque
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import Future
from contextlib import suppress
from datetime import timedelta
from functools import partial
from itertools import cycle
from typing import TYPE_CHECKING, ClassVar, Literal

from pydantic import Field, field_validator

from sluice.destinations.base import Capabilities, Destination, DestinationConfig, Stored
from sluice.destinations.body import Body
from sluice.destinations.failures import Origin
from sluice.destinations.names import below, by_folder, final, folder_below, join, unfinished
from sluice.destinations.ssh import Session
from sluice.errors import DefinitionError, SluiceError
from sluice.model.access import Connections, SftpAccess
from sluice.model.declared import Duration

if TYPE_CHECKING:
    import asyncssh

BLOCK = 1 << 20
_AHEAD = 4
"""Blocks of one file that are under way at once."""


class Sftp(DestinationConfig):
    """An SFTP server, by password or key: an Airflow connection of type `sftp`. A folder with a leading slash begins at
    the server's root, any other at the login's own folder."""

    type: Literal["sftp"]
    rename: bool = True
    """Write under a hidden name, then rename. Without it a file grows under its own name: for servers that cannot
    rename."""
    make_folders: bool = True
    """Make folders that are missing; off for servers that do not let you."""
    check_size: bool = True
    """Compare the size at the server with what was sent; off for servers that move files away at once."""
    connections: int = Field(default=2, ge=1, le=16)
    """SSH connections at once; files take turns on them. More help where the server is far away."""
    timeout: Duration = Field(default=timedelta(minutes=2), gt=timedelta(0))
    """How long the server may take to answer one request."""
    retry_for: Duration = timedelta(minutes=3)
    """How long connecting is tried again, with growing random waits, before the failure is reported."""

    can: ClassVar[Capabilities] = Capabilities(checksum=False)

    @field_validator("folder")
    @classmethod
    def _plain_folder(cls, folder: str) -> str:
        root = "/" if folder.startswith("/") else ""
        return root + super()._plain_folder(folder)

    @property
    def stays(self) -> bool:
        return self.check_size

    def open(self, connections: Connections, *, name: str, threads: int) -> Destination:
        access = connections.get(self.airflow_conn_id)
        if not isinstance(access, SftpAccess):
            raise DefinitionError(
                f"connection {name}: the Airflow connection {self.airflow_conn_id} is not of type sftp",
                next_step="name a connection of type sftp",
            )
        server = f"{access.host}:{access.port}"
        origin = Origin(name, self.airflow_conn_id, server, server)
        sessions = [
            Session(access, origin, timeout=self.timeout, retry_for=self.retry_for)
            for _ in range(min(threads, self.connections))
        ]
        return SftpFolder(self, sessions, origin)


class SftpFolder:
    """A folder of an SFTP server. Uploads take turns on the sessions; everything else is asked of the first."""

    def __init__(self, config: Sftp, sessions: Sequence[Session], origin: Origin) -> None:
        self._config = config
        self._sessions = sessions
        self._session = sessions[0]
        self._turns = cycle(sessions)
        self._origin = origin

    def put(self, name: str, body: Iterable[bytes]) -> Stored:
        path, sent, session = self._path(name), Body(body), next(self._turns)
        folder, file_name = posixpath.split(path)
        target = posixpath.join(folder, unfinished(file_name)) if self._config.rename else path
        try:
            self._write(session, target, sent, path)
            if self._config.rename:
                session.run(lambda client: _rename(client, target, path), f"rename to {path}")
        except BaseException:
            with suppress(SluiceError):
                session.run(partial(_remove, path=target), f"remove {target}", patient=False)
            raise
        return Stored(name, sent.size)

    def stat(self, name: str) -> Stored | None:
        path = self._path(name)
        size = self._session.run(lambda client: _size(client, path), f"look at {path}")
        return None if size is None else Stored(name, size)

    def list(self, folder: str) -> Iterator[Stored]:
        top = folder_below(self._config.folder, folder, self._origin)
        found = self._session.run(lambda client: _walk(client, top, folder.strip("/")), f"list {top or '.'}")
        yield from sorted(found, key=lambda stored: stored.name)

    def read(self, name: str) -> Iterator[bytes]:
        path = self._path(name)
        act = f"read {path}"
        file = self._session.run(lambda client: _open(client, path), act)
        try:
            while piece := self._session.finish(self._session.begin(_read(file)), act):
                yield piece
        finally:
            with suppress(SluiceError):
                self._session.finish(self._session.begin(file.close()), act)

    def remove(self, names: Iterable[str]) -> None:
        for path in [self._path(name) for name in names]:
            self._session.run(partial(_remove, path=path), f"remove {path}")

    def abort(self, names: Iterable[str]) -> int:
        aborted = 0
        for folder, files in by_folder([self._path(name) for name in names]).items():
            job = partial(_remove_unfinished, folder=folder, files=files)
            aborted += self._session.run(job, f"clear {folder}")
        return aborted

    def locate(self, name: str) -> str:
        return f"sftp://{self._origin.server}/{self._path(name)}"

    def close(self) -> None:
        for session in self._sessions:
            session.close()

    def _path(self, name: str) -> str:
        return join(self._config.folder, below("", name, self._origin))

    def _write(self, session: Session, target: str, body: Body, path: str) -> None:
        """Blocks follow each other without waiting for answers, at most `_AHEAD` of them."""
        act = f"write {path}"
        opener = partial(_create, path=target, make_folders=self._config.make_folders)
        file = session.run(opener, act)
        under_way: deque[Future[int]] = deque()
        offset = 0
        try:
            for block in body.blocks(BLOCK):
                if len(under_way) == _AHEAD:
                    session.finish(under_way.popleft(), act)
                under_way.append(session.begin(file.write(block, offset)))
                offset += len(block)
            for future in under_way:
                session.finish(future, act)
        except BaseException:
            session.begin(file.close())
            raise
        session.finish(session.begin(file.close()), act)
        if self._config.check_size:
            self._compare(session, target, body.size, act)

    def _compare(self, session: Session, target: str, size: int, act: str) -> None:
        there = session.run(lambda client: _size(client, target), act)
        if there is None:
            raise self._origin.fatal(
                f"cannot {act}: it was gone at once",
                "if this server moves files away, declare `check_size: false`, and `rename: false` too if need be",
            )
        if there != size:
            raise self._origin.retriable(f"cannot {act}: {there} of {size} bytes arrived")


async def _open(client: asyncssh.SFTPClient, path: str) -> asyncssh.SFTPClientFile:
    return await client.open(path, "rb", encoding=None)


async def _read(file: asyncssh.SFTPClientFile) -> bytes:
    piece = await file.read(_AHEAD * BLOCK)
    return piece.encode() if isinstance(piece, str) else piece


async def _create(client: asyncssh.SFTPClient, path: str, *, make_folders: bool) -> asyncssh.SFTPClientFile:
    import asyncssh

    try:
        return await client.open(path, "wb", encoding=None)
    except (asyncssh.SFTPNoSuchFile, asyncssh.SFTPNoSuchPath):
        if not make_folders:
            raise
    await client.makedirs(posixpath.dirname(path), exist_ok=True)
    return await client.open(path, "wb", encoding=None)


async def _rename(client: asyncssh.SFTPClient, source: str, target: str) -> None:
    """In one step where the server can replace a file so (OpenSSH's extension); elsewhere what is there goes first."""
    import asyncssh

    try:
        await client.posix_rename(source, target)
    except asyncssh.SFTPOpUnsupported:
        await _remove(client, target)
        await client.rename(source, target)


async def _remove(client: asyncssh.SFTPClient, path: str) -> None:
    import asyncssh

    with suppress(asyncssh.SFTPNoSuchFile, asyncssh.SFTPNoSuchPath):
        await client.remove(path)


async def _size(client: asyncssh.SFTPClient, path: str) -> int | None:
    import asyncssh

    try:
        attributes = await client.stat(path)
    except (asyncssh.SFTPNoSuchFile, asyncssh.SFTPNoSuchPath):
        return None
    return None if attributes.permissions and stat.S_ISDIR(attributes.permissions) else attributes.size or 0


async def _entries(client: asyncssh.SFTPClient, folder: str) -> list[tuple[str, int | None]]:
    """The names in a folder, each with its size; None for a folder's. Nothing where there is no such folder."""
    import asyncssh

    try:
        entries = await client.readdir(folder or ".")
    except (asyncssh.SFTPNoSuchFile, asyncssh.SFTPNoSuchPath):
        return []
    return [
        (str(entry.filename), None if stat.S_ISDIR(entry.attrs.permissions or 0) else entry.attrs.size or 0)
        for entry in entries
        if entry.filename not in (".", "..")
    ]


async def _walk(client: asyncssh.SFTPClient, folder: str, name: str) -> list[Stored]:
    found: list[Stored] = []
    for file_name, size in await _entries(client, folder):
        path = join(name, file_name)
        if size is None:
            found += await _walk(client, posixpath.join(folder, file_name), path)
        elif final(file_name) is None:
            found.append(Stored(path, size))
    return found


async def _remove_unfinished(client: asyncssh.SFTPClient, folder: str, files: set[str]) -> int:
    unfinished = [name for name, size in await _entries(client, folder) if size is not None and final(name) in files]
    for name in unfinished:
        await _remove(client, posixpath.join(folder, name))
    return len(unfinished)
