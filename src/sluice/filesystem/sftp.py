"""SFTP as a `pyarrow` filesystem, over the same sessions that destinations use."""

from __future__ import annotations

import errno
import io
import os
import posixpath
import threading
import weakref
from collections.abc import Iterator, Sequence
from datetime import timedelta
from functools import partial
from typing import TYPE_CHECKING, Any

from sluice.errors import RetriableError
from sluice.filesystem.creating import NO_RENAME
from sluice.filesystem.links import Item
from sluice.model.access import SftpAccess
from sluice.model.origin import Origin
from sluice.patience import patience
from sluice.ssh import reading, verbs
from sluice.ssh.failures import FAILURE, UNSUPPORTED
from sluice.ssh.session import Session
from sluice.ssh.writing import BLOCK, Outgoing

if TYPE_CHECKING:
    import asyncssh
    from pyarrow import fs as pa_fs

_TIMEOUT = timedelta(minutes=2)

_SESSIONS: weakref.WeakValueDictionary[tuple[int, str, SftpAccess], Session] = weakref.WeakValueDictionary()
_OPENING = threading.Lock()


def session_of(access: SftpAccess, conn_id: str) -> Session:
    """The process's only connection for this access, because servers may limit the connections of a login. It closes
    when its last user is gone."""
    with _OPENING:
        key = (os.getpid(), conn_id, access)
        session = _SESSIONS.get(key)
        if session is None:
            server = f"{access.host}:{access.port}"
            origin = Origin(conn_id, conn_id, server, server)
            session = Session(access, origin, timeout=_TIMEOUT, retry_for=patience())
            _SESSIONS[key] = session
        return session


def sftp_filesystem(session: Session) -> pa_fs.PyFileSystem:
    """A `pyarrow` filesystem over the session. Paths without a leading slash start from the login's home folder."""
    from pyarrow import fs as pa_fs

    handler = type("SftpHandler", (SftpFiles, pa_fs.FileSystemHandler), {})
    return pa_fs.PyFileSystem(handler(session))


class SftpFiles:
    """The methods that `pyarrow` calls on a filesystem handler. Errors are Sluice's, except for missing files."""

    def __init__(self, session: Session) -> None:
        self._session = session

    def get_type_name(self) -> str:
        return "sftp"

    def normalize_path(self, path: str) -> str:
        return path

    def get_file_info(self, paths: Sequence[str]) -> list[pa_fs.FileInfo]:
        return [_info(path, self._look(path)) for path in paths]

    def get_file_info_selector(self, selector: pa_fs.FileSelector) -> list[pa_fs.FileInfo]:
        listed = self._entries(selector.base_dir)
        if listed is None and not selector.allow_not_found:
            raise _missing(selector.base_dir)
        found = []
        for entry in listed or ():
            path = posixpath.join(selector.base_dir, entry.name)
            found.append(_info(path, self._look(path) if entry.link else entry))
            if entry.folder and selector.recursive:
                from pyarrow import fs as pa_fs

                found += self.get_file_info_selector(pa_fs.FileSelector(path, allow_not_found=True, recursive=True))
        return found

    def create_dir(self, path: str, recursive: bool) -> None:  # noqa: FBT001, ARG002 - the signature is pyarrow's
        refused = self._session.run(lambda client: verbs.make_folder(client, path), f"make {path}")
        # Servers refuse an existing folder with any error code. If it does not exist, repeat to raise that error.
        if refused and not ((found := self._look(path)) and found.folder):
            self._session.run(lambda client: client.mkdir(path), f"make {path}")

    def delete_dir(self, path: str) -> None:
        self.delete_dir_contents(path, missing_dir_ok=True)
        self._session.run(lambda client: verbs.remove_folder(client, path), f"remove {path}")

    def delete_dir_contents(self, path: str, missing_dir_ok: bool) -> None:  # noqa: FBT001 - the signature is pyarrow's
        entries = self._entries(path)
        if entries is None and not missing_dir_ok:
            raise _missing(path)
        for entry in entries or ():
            below = posixpath.join(path, entry.name)
            if entry.folder:
                self.delete_dir(below)
            else:
                self._session.run(partial(verbs.remove, path=below), f"remove {below}")

    def delete_root_dir_contents(self) -> None:
        raise NotImplementedError("Sluice never removes the whole folder of a login")

    def delete_file(self, path: str) -> None:
        self._session.run(lambda client: verbs.remove(client, path), f"remove {path}")

    def move(self, source: str, target: str) -> None:
        self._session.run(lambda client: verbs.rename(client, source, target), f"rename to {target}", NO_RENAME)

    def copy_file(self, source: str, target: str) -> None:
        raise NotImplementedError("Sluice does not copy files over SFTP")

    def open_input_stream(self, path: str) -> Any:
        return self.open_input_file(path)

    def open_input_file(self, path: str) -> Any:
        import pyarrow as pa

        return pa.PythonFile(Incoming(self._session, path), mode="r")

    def open_output_stream(self, path: str, metadata: Any) -> Any:  # noqa: ARG002 - the signature is pyarrow's
        import pyarrow as pa

        return pa.PythonFile(_Buffered(self._session, path), mode="w")

    def open_append_stream(self, path: str, metadata: Any) -> Any:
        raise NotImplementedError("Sluice does not append to files")

    def _look(self, path: str) -> verbs.Entry | None:
        return self._session.run(lambda client: verbs.stat(client, path), f"look at {path or '.'}")

    def _entries(self, path: str) -> list[verbs.Entry] | None:
        return self._session.run(lambda client: verbs.entries(client, path), f"list {path or '.'}")


def _info(path: str, entry: verbs.Entry | None) -> pa_fs.FileInfo:
    from pyarrow import fs as pa_fs

    if entry is None:
        return pa_fs.FileInfo(path, pa_fs.FileType.NotFound)
    if entry.folder:
        return pa_fs.FileInfo(path, pa_fs.FileType.Directory)
    return pa_fs.FileInfo(path, pa_fs.FileType.File, size=entry.size or 0, mtime=float(entry.modified))


def _missing(path: str) -> FileNotFoundError:
    return FileNotFoundError(errno.ENOENT, "no such file or folder", path)


class Incoming(io.RawIOBase):
    """A file with random access. If the connection is lost, the file is opened again and must be unchanged."""

    def __init__(self, session: Session, path: str) -> None:
        self._session, self._path, self._act = session, path, f"read {path}"
        self._file, self._about = self._opened()
        self._at = 0

    def _opened(self) -> tuple[asyncssh.SFTPClientFile, verbs.Entry]:
        opened = self._session.run(lambda client: _open(client, self._path), self._act)
        if opened is None:
            raise _missing(self._path)
        return opened

    def read(self, size: int | None = -1) -> bytes:
        left = max((self._about.size or 0) - self._at, 0)
        wanted = left if size is None or size < 0 else min(size, left)
        try:
            body = reading.read(self._session, self._file, self._at, wanted, self._act)
        except RetriableError:
            if self._session.open:  # the connection is not lost, so opening the file again would not help
                raise
            before = self._about
            self._file, self._about = self._opened()
            if self._about != before:
                raise
            body = reading.read(self._session, self._file, self._at, wanted, self._act)
        if len(body) < wanted:
            raise reading.short(self._session, self._act, len(body), wanted)
        self._at += len(body)
        return body

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        start = {io.SEEK_SET: 0, io.SEEK_CUR: self._at, io.SEEK_END: self._about.size or 0}[whence]
        self._at = start + offset
        return self._at

    def tell(self) -> int:
        return self._at

    def close(self) -> None:
        if not self.closed:
            self._session.begin(self._file.close())
        super().close()


async def _open(client: asyncssh.SFTPClient, path: str) -> tuple[asyncssh.SFTPClientFile, verbs.Entry] | None:
    found = await verbs.stat(client, path)
    file = await verbs.open_to_read(client, path) if found and not found.folder else None
    return (file, found) if file and found else None


class _Buffered(io.RawIOBase):
    """A new file, sent in blocks."""

    def __init__(self, session: Session, path: str) -> None:
        act = f"write {path}"
        file = session.run(lambda client: verbs.create(client, path, make_folders=True), act)
        self._outgoing = Outgoing(session, file, act)
        self._block = bytearray()

    def writable(self) -> bool:
        return True

    def write(self, data: Any) -> int:
        self._block += data
        if len(self._block) >= BLOCK:
            self._send()
        return len(data)

    def _send(self) -> None:
        block, self._block = bytes(self._block), bytearray()
        self._outgoing.write(block)

    def close(self) -> None:
        if self.closed:
            return
        try:
            if self._block:
                self._send()
            self._outgoing.close()
        finally:
            super().close()


class SftpLinks:
    """Links on an SFTP server. The server resolves them."""

    def __init__(self, session: Session) -> None:
        self._session = session

    def real(self, path: str) -> str | None:
        return self._session.run(lambda client: _real(client, path), f"resolve {path or '.'}")

    def scan(self, folder: str) -> Iterator[Item]:
        found = self._session.run(lambda client: verbs.entries(client, folder), f"list {folder or '.'}")
        if found is None:
            raise _missing(folder)
        return (_item(entry) for entry in found)

    def look(self, path: str) -> Item | None:
        found = self._session.run(lambda client: verbs.stat(client, path), f"look at {path or '.'}")
        return None if found is None else _item(found)


async def _real(client: asyncssh.SFTPClient, path: str) -> str | None:
    """The path with links resolved; see `Links.real`.

    Servers refuse an unresolvable path with different error codes, and some resolve nothing at all. Then resolve the
    parent folder instead and append the name, which is right as long as the name itself is not a link."""
    answer = await verbs.ask(client.realpath(path or "."))
    if isinstance(answer, verbs.Answer):
        return str(answer.value)
    if not path or not (answer.missing or answer.error.code in (FAILURE, UNSUPPORTED)):
        raise answer.error
    there = await verbs.ask(client.lstat(path))
    if isinstance(there, verbs.Answer) and verbs.entry("", there.value).link:
        return None
    folder, _, name = path.rpartition("/")
    above = await _real(client, folder)
    return None if above is None else f"{above.rstrip('/')}/{name}"


def _item(entry: verbs.Entry) -> Item:
    return Item(entry.name, entry.link, entry.folder, entry.size or 0, entry.modified)
