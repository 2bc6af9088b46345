"""SFTP servers: a file is written under a hidden name in its folder, then renamed."""

from __future__ import annotations

import posixpath
from collections.abc import Iterable, Iterator, Sequence
from contextlib import suppress
from datetime import timedelta
from functools import partial
from itertools import cycle
from typing import TYPE_CHECKING, ClassVar, Literal, Self

from pydantic import Field, field_validator, model_validator

from sluice.destinations.base import Capabilities, Destination, Stored
from sluice.destinations.body import Body
from sluice.destinations.names import below, by_folder, final, folder_below, join, unfinished
from sluice.destinations.readback import ReadBackConfig
from sluice.errors import DefinitionError, SluiceError
from sluice.model.access import Connections, SftpAccess
from sluice.model.declared import Duration
from sluice.model.origin import Origin
from sluice.ssh import reading, verbs
from sluice.ssh.login import private_key
from sluice.ssh.session import Session
from sluice.ssh.writing import BLOCK, Outgoing

if TYPE_CHECKING:
    import asyncssh

_NO_RENAME = "if the server cannot rename, declare `rename: false`"
_NO_DOTS = (
    "give this user write permission in the folder; if the server refuses names that start with a dot, declare"
    " `rename: false`"
)


class Sftp(ReadBackConfig):
    """An SFTP server. The Airflow connection is of type `sftp` and holds a password or a private key. A folder with a
    leading slash starts at the server's root, any other in the login's home folder."""

    type: Literal["sftp"]
    rename: bool = True
    """Write under a hidden name, then rename. With `false`, for servers that cannot rename, a file grows under its own
    name."""
    make_folders: bool = True
    """Create missing folders; `false` for servers that do not allow it."""
    check_size: bool = True
    """Compare the size at the server with what was sent; `false` for servers that move files away immediately."""
    connections: int = Field(default=2, ge=1, le=16)
    """The number of parallel SSH connections; files are distributed over them. More of them help if the server is far
    away."""
    timeout: Duration = Field(default=timedelta(minutes=2), gt=timedelta(0))
    """How long the server may take to answer one request."""
    retry_for: Duration = timedelta(minutes=3)
    """How long connecting is retried, with exponential backoff, before the failure is reported."""

    can: ClassVar[Capabilities] = Capabilities(checksum=False, hides=True)

    @field_validator("folder")
    @classmethod
    def _plain_folder(cls, folder: str) -> str:
        root = "/" if folder.startswith("/") else ""
        return root + super()._plain_folder(folder)

    @model_validator(mode="after")
    def _can_be_read(self) -> Self:
        if self.verify and not self.check_size:
            raise ValueError(
                "`verify: read-back` reads files that `check_size: false` says are gone: delete one of the two"
            )
        return self

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
        private_key(access, origin)  # raises before connecting if the key cannot be read
        sessions: list[Session] = []
        for _ in range(min(threads, self.connections)):
            crowded = partial(_crowded, sessions)
            sessions.append(Session(access, origin, timeout=self.timeout, retry_for=self.retry_for, crowded=crowded))
        return self.checked(SftpFolder(self, sessions, origin), origin)


def _crowded(sessions: Sequence[Session]) -> str:
    """What to do if a server closes a connection while others of this process are open."""
    open_ones = sum(session.open for session in sessions)
    return f"if the server limits connections per user, declare `connections: {open_ones}`" * (open_ones > 0)


class SftpFolder:
    """A folder of an SFTP server. Uploads are distributed over the sessions; everything else uses the first."""

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
                session.run(lambda client: verbs.rename(client, target, path), f"rename to {path}", _NO_RENAME)
        except BaseException:
            with suppress(SluiceError):
                session.run(partial(verbs.remove, path=target), f"remove {target}", patient=False)
            raise
        return Stored(name, sent.size)

    def stat(self, name: str) -> Stored | None:
        path = self._path(name)
        found = self._session.run(lambda client: verbs.stat(client, path), f"check {path}")
        return None if found is None or found.folder else Stored(name, self._known(found.size, f"check {path}"))

    def list(self, folder: str) -> Iterator[Stored]:
        top = folder_below(self._config.folder, folder, self._origin)
        found = self._session.run(lambda client: _walk(client, top, folder.strip("/")), f"list {top or '.'}")
        yield from sorted(found, key=lambda stored: stored.name)

    def read(self, name: str) -> Iterator[bytes]:
        path, session = self._path(name), self._session
        act = f"read {path}"
        found = session.run(lambda client: verbs.stat(client, path), act)
        file = session.run(lambda client: verbs.open_to_read(client, path), act) if found else None
        if file is None or found is None:
            raise self._origin.fatal(f"cannot {act}: the file does not exist")
        try:
            yield from reading.pieces(session, file, found.size, act)
        finally:
            with suppress(SluiceError):
                session.finish(session.begin(file.close()), act)

    def remove(self, names: Iterable[str]) -> None:
        for path in [self._path(name) for name in names]:
            way_out = "give this user permission to delete files in the folder"
            self._session.run(partial(verbs.remove, path=path), f"remove {path}", way_out)

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
        act, way_out = f"write {path}", _NO_DOTS if self._config.rename else ""
        opener = partial(verbs.create, path=target, make_folders=self._config.make_folders)
        outgoing = Outgoing(session, session.run(opener, act, way_out), act)
        try:
            for block in body.blocks(BLOCK):
                outgoing.write(block)
            outgoing.close()
        except BaseException:
            outgoing.drop()
            raise
        if self._config.check_size:
            self._compare(session, target, body.size, act)

    def _compare(self, session: Session, target: str, size: int, act: str) -> None:
        found = session.run(lambda client: verbs.stat(client, target), act)
        if found is None:
            raise self._origin.fatal(
                f"cannot {act}: the file disappeared right after it was written",
                "if the server moves files away at once, declare `check_size: false`, and `rename: false` if needed",
            )
        if (there := self._known(found.size, act)) != size:
            raise self._origin.retriable(f"cannot {act}: {there} of {size} bytes arrived")

    def _known(self, size: int | None, act: str) -> int:
        if size is None:
            raise self._origin.fatal(
                f"cannot {act}: the server does not report file sizes",
                "declare `check_size: false`; delivered files are then not checked",
            )
        return size


async def _walk(client: asyncssh.SFTPClient, folder: str, name: str) -> list[Stored]:
    found: list[Stored] = []
    for entry in await verbs.entries(client, folder) or ():
        path = join(name, entry.name)
        if entry.folder:
            found += await _walk(client, posixpath.join(folder, entry.name), path)
        elif final(entry.name) is None:
            found.append(Stored(path, entry.size or 0))
    return found


async def _remove_unfinished(client: asyncssh.SFTPClient, folder: str, files: set[str]) -> int:
    entries = await verbs.entries(client, folder) or ()
    unfinished = [entry.name for entry in entries if not entry.folder and final(entry.name) in files]
    for name in unfinished:
        await verbs.remove(client, posixpath.join(folder, name))
    return len(unfinished)
