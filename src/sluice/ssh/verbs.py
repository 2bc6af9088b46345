"""The requests to an SFTP server, one function per verb.

Servers answer the same request differently: version 3 of the protocol has eight status codes, and one of them,
`FAILURE`, stands for everything else. Each function says which answers it relies on; `docs/sftp.md` lists the other
answers that servers give, and how they are handled.
"""

from __future__ import annotations

import posixpath
import stat as modes
from collections.abc import Awaitable
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Generic, TypeVar

from sluice.ssh.failures import FAILURE, LOST, MISSING, NO_SUCH_FILE, NOT_A_DIRECTORY, PERMISSION_DENIED, UNSUPPORTED

if TYPE_CHECKING:
    import asyncssh

Result = TypeVar("Result")


@dataclass(frozen=True)
class Entry:
    """A file, folder or link. `size` is None if the server reports none; `modified` is in seconds of UNIX time."""

    name: str
    size: int | None
    modified: int
    folder: bool
    link: bool = False


@dataclass(frozen=True)
class Refused:
    """A server refused one request."""

    error: asyncssh.SFTPError

    @property
    def missing(self) -> bool:
        """Whether the server says that the path does not exist."""
        return self.error.code in MISSING


@dataclass(frozen=True)
class Answer(Generic[Result]):
    """A server did what was requested, and returned `value`."""

    value: Result


async def ask(request: Awaitable[Result]) -> Answer[Result] | Refused:
    """Send one request. Raises `asyncssh.SFTPError` if the connection is lost."""
    import asyncssh

    try:
        return Answer(await request)
    except asyncssh.SFTPError as error:
        if error.code in LOST:
            raise
        return Refused(error)


async def stat(client: asyncssh.SFTPClient, path: str) -> Entry | None:
    """What a path leads to, following links; None if it does not exist. Relies on a size, and on `NO_SUCH_FILE` for a
    missing path. If a server gives another error, the folder's listing decides."""
    answer = await ask(client.stat(path or "."))
    if isinstance(answer, Answer):
        return entry("", answer.value)
    if answer.missing:
        return None
    folder, name = posixpath.split(path)
    listed = await ask(client.readdir(folder or "."))
    if isinstance(listed, Answer):
        return next((entry(name, one.attrs) for one in listed.value if one.filename == name), None)
    if listed.missing or (folder.strip("/") and await is_missing(client, folder)):
        return None
    raise answer.error


async def is_missing(client: asyncssh.SFTPClient, path: str) -> bool:
    """Whether the path certainly does not exist."""
    import asyncssh

    try:
        return await stat(client, path) is None
    except asyncssh.SFTPError as error:
        if error.code in LOST:
            raise
        return False


async def lstat(client: asyncssh.SFTPClient, path: str) -> Entry | None:
    """What is at a path, without following links; None if it does not exist."""
    answer = await ask(client.lstat(path))
    if isinstance(answer, Answer):
        return entry("", answer.value)
    if answer.missing:
        return None
    raise answer.error


async def entries(client: asyncssh.SFTPClient, folder: str) -> list[Entry] | None:
    """The entries of a folder, without following links; None if the folder does not exist. Relies on types in the
    listing; missing ones are requested one by one."""
    answer = await ask(client.readdir(folder or "."))
    if isinstance(answer, Refused):
        if answer.missing or await is_missing(client, folder):
            return None
        raise answer.error
    found = []
    for name, attributes in ((str(listed.filename), listed.attrs) for listed in answer.value):
        if name in (".", ".."):
            continue
        one = entry(name, attributes)
        if attributes.permissions is None and (full := await lstat(client, posixpath.join(folder, name))):
            one = replace(full, name=name)
        found.append(one)
    return found


async def open_to_read(client: asyncssh.SFTPClient, path: str) -> asyncssh.SFTPClientFile | None:
    """The file, opened for reading; None if it does not exist."""
    answer = await ask(client.open(path, "rb", encoding=None))
    if isinstance(answer, Answer):
        return answer.value
    if answer.missing:
        return None
    raise answer.error


async def create(client: asyncssh.SFTPClient, path: str, *, make_folders: bool) -> asyncssh.SFTPClientFile:
    """A new, empty file that replaces an existing one. Any refusal may mean that the folder is missing, so the folder
    is made, and the answer to the second attempt counts."""
    answer = await ask(client.open(path, "wb", encoding=None))
    if isinstance(answer, Answer):
        return answer.value
    if not make_folders or not (answer.missing or answer.error.code in (FAILURE, PERMISSION_DENIED)):
        raise answer.error
    folder = posixpath.dirname(path)
    not_made = await make_folder(client, folder)
    again = await ask(client.open(path, "wb", encoding=None))
    if isinstance(again, Answer):
        return again.value
    await _expect_no_file(client, folder)
    raise not_made.error if not_made and again.missing else again.error


async def make_folder(client: asyncssh.SFTPClient, folder: str) -> Refused | None:
    """Make a folder and its missing parents. Relies on success only: servers refuse an existing folder with various
    codes, and its parents may not be writable. Returns the refusal of the last level, or None."""
    if not folder.strip("/"):
        return None
    answer = await ask(client.mkdir(folder))
    if isinstance(answer, Answer):
        return None
    levels = folder.split("/")
    for depth in range(1, len(levels) + 1):
        if level := "/".join(levels[:depth]):
            answer = await ask(client.mkdir(level))
    return answer if isinstance(answer, Refused) else None


async def _expect_no_file(client: asyncssh.SFTPClient, folder: str) -> None:
    import asyncssh

    levels = folder.split("/")
    for level in ("/".join(levels[:depth]) for depth in range(1, len(levels) + 1)):
        found = await ask(client.stat(level or "/"))
        if isinstance(found, Answer) and not entry("", found.value).folder and found.value.permissions is not None:
            raise asyncssh.SFTPError(NOT_A_DIRECTORY, level)


async def rename(client: asyncssh.SFTPClient, source: str, target: str) -> None:
    """Rename in one step if the server supports OpenSSH's `posix-rename`, which replaces a file. Otherwise use the
    protocol's own rename, which does not replace: then the existing file is removed first, unless the rename could not
    succeed anyway. Relies on `source` being gone after a success."""
    import asyncssh

    answer = await ask(client.posix_rename(source, target))
    if isinstance(answer, Answer):
        return
    answer = await ask(client.rename(source, target))
    if isinstance(answer, Answer):
        return
    if await is_missing(client, source):
        raise asyncssh.SFTPError(NO_SUCH_FILE, source)
    if answer.error.code in (PERMISSION_DENIED, UNSUPPORTED) or await is_missing(client, target):
        raise answer.error
    await remove(client, target)
    await client.rename(source, target)


async def remove(client: asyncssh.SFTPClient, path: str) -> None:
    """Remove a file. A missing file is not an error, however the server reports it."""
    answer = await ask(client.remove(path))
    if isinstance(answer, Refused) and not answer.missing and await _is_there(client, path):
        raise answer.error


async def remove_folder(client: asyncssh.SFTPClient, path: str) -> None:
    """Remove an empty folder. A missing folder is not an error."""
    answer = await ask(client.rmdir(path))
    if isinstance(answer, Refused) and not answer.missing and await _is_there(client, path):
        raise answer.error


async def _is_there(client: asyncssh.SFTPClient, path: str) -> bool:
    """Whether a path exists, without following links. A path that cannot be checked counts as existing."""
    found = await ask(client.lstat(path))
    return isinstance(found, Answer) or not (found.missing or await is_missing(client, path))


async def read(file: asyncssh.SFTPClientFile, offset: int, size: int) -> bytes:
    """Up to `size` bytes from `offset` on; fewer only at the end of the file. Servers may return fewer bytes than
    requested: the rest is requested again. Missing bytes in the middle are an error."""
    import asyncssh

    body = bytearray(size)
    end = got = 0
    async for at, piece in await file.read_parallel(size, offset):
        begin = at - offset
        body[begin : begin + len(piece)] = piece
        end, got = max(end, begin + len(piece)), got + len(piece)
    if got != end:
        raise asyncssh.SFTPError(FAILURE, "bytes are missing in the middle")
    del body[end:]
    return bytes(body)


def entry(name: str, attributes: asyncssh.SFTPAttrs) -> Entry:
    """An entry from the attributes that a server reports."""
    mode = attributes.permissions or 0
    return Entry(name, attributes.size, int(attributes.mtime or 0), modes.S_ISDIR(mode), modes.S_ISLNK(mode))
