"""What is asked of an SFTP server, verb by verb.

Servers answer the same question in different words: version 3 of the protocol has eight codes, and one of them,
`FAILURE`, stands for everything else. Each verb says here which answers it relies on; `docs/sftp.md` lists the others
that servers give, and what comes of them.
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
    """What is found under a name. `size` is None if the server tells none, `modified` in seconds of UNIX time."""

    name: str
    size: int | None
    modified: int
    folder: bool
    link: bool = False


@dataclass(frozen=True)
class Refused:
    """A server's no to one request."""

    error: asyncssh.SFTPError

    @property
    def missing(self) -> bool:
        """It says that nothing is there."""
        return self.error.code in MISSING


@dataclass(frozen=True)
class Answer(Generic[Result]):
    """A server's yes, and what came with it."""

    value: Result


async def ask(request: Awaitable[Result]) -> Answer[Result] | Refused:
    """One request. Raises if the connection is lost."""
    import asyncssh

    try:
        return Answer(await request)
    except asyncssh.SFTPError as error:
        if error.code in LOST:
            raise
        return Refused(error)


async def stat(client: asyncssh.SFTPClient, path: str) -> Entry | None:
    """What a path leads to, links followed; None if nothing is there. Relies on a size, and on `NO_SUCH_FILE` if there
    is nothing. A server that says no in other words is asked for the folder's listing."""
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
    """Whether it is sure that nothing is there."""
    import asyncssh

    try:
        return await stat(client, path) is None
    except asyncssh.SFTPError as error:
        if error.code in LOST:
            raise
        return False


async def lstat(client: asyncssh.SFTPClient, path: str) -> Entry | None:
    """What is at a path itself, a link as a link; None if nothing is there."""
    answer = await ask(client.lstat(path))
    if isinstance(answer, Answer):
        return entry("", answer.value)
    if answer.missing:
        return None
    raise answer.error


async def entries(client: asyncssh.SFTPClient, folder: str) -> list[Entry] | None:
    """What is in a folder, links as themselves; None if there is no such folder. Relies on types in the listing; those
    that are not told are asked for one by one."""
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
        if attributes.permissions is None and (told := await lstat(client, posixpath.join(folder, name))):
            one = replace(told, name=name)
        found.append(one)
    return found


async def open_to_read(client: asyncssh.SFTPClient, path: str) -> asyncssh.SFTPClientFile | None:
    """The file; None if nothing is there."""
    answer = await ask(client.open(path, "rb", encoding=None))
    if isinstance(answer, Answer):
        return answer.value
    if answer.missing:
        return None
    raise answer.error


async def create(client: asyncssh.SFTPClient, path: str, *, make_folders: bool) -> asyncssh.SFTPClientFile:
    """A new, empty file, in place of what is there. Any no may mean that its folder is missing, so that is made, and
    the second answer counts."""
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
    """Make a folder, and those above it that are missing. Relies on no answer but a yes: one that is there is refused
    in many words, and may stand below some that must not be made. What refused the last level, if anything did."""
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
    """In one step if the server can replace a file so (OpenSSH's `posix-rename`). Else by the protocol's own rename,
    which refuses to replace: then what is there goes first, unless nothing could come in its place. Relies on `source`
    being gone after a yes."""
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
    """Remove a file; one that is gone is no error, in whatever words the server says so."""
    answer = await ask(client.remove(path))
    if isinstance(answer, Refused) and not answer.missing and await _is_there(client, path):
        raise answer.error


async def remove_folder(client: asyncssh.SFTPClient, path: str) -> None:
    """Remove an empty folder; one that is gone is no error."""
    answer = await ask(client.rmdir(path))
    if isinstance(answer, Refused) and not answer.missing and await _is_there(client, path):
        raise answer.error


async def _is_there(client: asyncssh.SFTPClient, path: str) -> bool:
    """Links as themselves. What cannot be looked at counts as there."""
    found = await ask(client.lstat(path))
    return isinstance(found, Answer) or not (found.missing or await is_missing(client, path))


async def read(file: asyncssh.SFTPClientFile, offset: int, size: int) -> bytes:
    """Up to `size` bytes from `offset` on; fewer at the file's end only. Servers may answer with fewer bytes than were
    asked for: the rest is asked for again. A hole that they leave is a failure."""
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
    """What a server says about a path."""
    mode = attributes.permissions or 0
    return Entry(name, attributes.size, int(attributes.mtime or 0), modes.S_ISDIR(mode), modes.S_ISLNK(mode))
