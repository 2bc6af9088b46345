"""An SFTP server that answers as others do: `main` runs it in a process of its own."""

from __future__ import annotations

import asyncio
import os
import warnings
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import asyncssh
from asyncssh.sftp import SFTPServerHandler

from tests.servers.ssh_server import Login

QUIRKS = {
    "one-connection": "closes a second connection",
    "no-dots": "refuses to open names that start with a dot",
    "no-list": "refuses listings",
    "no-stat": "refuses stat",
    "no-delete": "refuses remove",
    "no-rename": "refuses both renames: permission denied",
    "rename-unsupported": "does not support rename",
    "no-posix-rename": "has no extension to replace a file",
    "posix-rename-failure": "announces that extension, and fails",
    "rename-onto-fails": "fails if the new name is taken",
    "missing-is-failure": "answers FAILURE for a missing file",
    "missing-is-denied": "answers PERMISSION_DENIED for a missing file",
    "mkdir-denied": "answers PERMISSION_DENIED for an existing folder",
    "no-mkdir": "refuses mkdir",
    "short-reads": "answers with at most 1,000 bytes",
    "empty-reads": "answers a read in the middle with nothing",
    "small-writes": "accepts at most 32 kB per write",
    "close-fails": "fails when a written file is closed",
    "write-fails": "fails in the middle of a file",
    "no-times": "reports no times",
    "no-sizes": "reports no sizes",
    "no-types": "reports neither types nor permissions in listings",
    "no-setstat": "refuses to set anything",
    "no-realpath": "does not resolve paths",
    "no-extensions": "has none of OpenSSH's extensions",
    "drops": "drops the connection after twelve requests",
    "take-at-once": "moves a file away when it is closed",
    "flips-a-byte": "stores a different byte than it was sent, with the same size",
    "full": "reports a full disk as a plain `FAILURE`",
    "sha1-kex": "exchanges keys with SHA-1 only",
    "sha1-mac": "has only MACs with SHA-1",
    "sha1-key": "signs with an RSA key and SHA-1 only",
    "sha1-login": "accepts a login's RSA key with SHA-1 only",
    "no-sftp": "accepts the login but opens no session",
}
ON = frozenset[str]()
"""The quirks of this process's server."""
FOLDER = Path()
_open: set[OneAtATime] = set()


class OneAtATime(Login):
    def connection_made(self, conn: asyncssh.SSHServerConnection) -> None:
        if "one-connection" in ON and _open:
            conn.abort()
            return
        _open.add(self)

    def connection_lost(self, exc: Exception | None) -> None:
        _open.discard(self)


def _denied(quirk: str, what: str) -> None:
    if quirk in ON:
        raise asyncssh.SFTPPermissionDenied(what)


class Files(asyncssh.SFTPServer):
    """Each verb with its quirks, then as asyncssh does it."""

    def __init__(self, channel: asyncssh.SSHServerChannel) -> None:
        super().__init__(channel, chroot=str(FOLDER))
        self._written: set[int] = set()

    def _local(self, path: bytes) -> Path:
        return Path(os.fsdecode(self.map_path(path)))

    def _expect(self, path: bytes) -> None:
        """Answer for what is not there, if a quirk has words for it."""
        if os.path.lexists(self.map_path(path)):
            return
        if "missing-is-failure" in ON:
            raise asyncssh.SFTPFailure(f"cannot find {path.decode()}: no such file")
        _denied("missing-is-denied", "it is not for you to know")

    def open(self, path: bytes, pflags: int, attrs: asyncssh.SFTPAttrs) -> Any:
        if self._local(path).name.startswith("."):
            _denied("no-dots", "names that begin with a dot are refused")
        if not pflags & asyncssh.FXF_CREAT or not self._local(path).parent.exists():
            self._expect(path)
        opened = super().open(path, pflags, attrs)
        if pflags & asyncssh.FXF_WRITE:
            self._written.add(id(opened))
        return opened

    def read(self, file: Any, offset: int, size: int) -> Any:
        if "empty-reads" in ON and offset:
            return b""
        return super().read(file, offset, min(size, 1_000) if "short-reads" in ON else size)

    def write(self, file: Any, offset: int, data: bytes) -> Any:
        if "small-writes" in ON and len(data) > 32_768:
            raise asyncssh.SFTPBadMessage("too much at once")
        if "write-fails" in ON and offset >= 500_000:
            raise asyncssh.SFTPFailure("")
        if "full" in ON:
            raise asyncssh.SFTPFailure("Failure")
        if "flips-a-byte" in ON and not offset:
            data = bytes([data[0] ^ 1]) + data[1:]
        return super().write(file, offset, data)

    def close(self, file: Any) -> Any:
        result = super().close(file)
        written = id(file) in self._written
        self._written.discard(id(file))
        if "take-at-once" in ON and written:
            path = Path(os.fsdecode(file.name))
            path.replace(path.with_name(f"{path.name}.taken"))
        if "close-fails" in ON and written:
            raise asyncssh.SFTPFailure("quota")
        return result

    def stat(self, path: bytes) -> Any:
        _denied("no-stat", "no stat")
        self._expect(path)
        return _told(super().stat(path))

    def lstat(self, path: bytes) -> Any:
        self._expect(path)
        return _told(super().lstat(path))

    def setstat(self, path: bytes, attrs: asyncssh.SFTPAttrs) -> None:
        if "no-setstat" in ON:
            raise asyncssh.SFTPOpUnsupported("no setstat")
        super().setstat(path, attrs)

    def mkdir(self, path: bytes, attrs: asyncssh.SFTPAttrs) -> None:
        _denied("no-mkdir", "no mkdir")
        if self._local(path).exists():
            _denied("mkdir-denied", "above your folder")
        super().mkdir(path, attrs)

    async def scandir(self, path: bytes) -> AsyncIterator[asyncssh.SFTPName]:
        _denied("no-list", "no listing")
        self._expect(path)
        async for entry in super().scandir(path):
            if "no-types" in ON:
                entry.attrs.permissions = None
                entry.attrs.type = 5
            yield entry

    def remove(self, path: bytes) -> None:
        _denied("no-delete", "no delete")
        self._expect(path)
        super().remove(path)

    def rename(self, old: bytes, new: bytes) -> None:
        _denied("no-rename", "no rename")
        if "rename-unsupported" in ON:
            raise asyncssh.SFTPOpUnsupported("no rename")
        if "rename-onto-fails" in ON and self._local(new).exists():
            raise asyncssh.SFTPFailure("Failure")
        super().rename(old, new)

    def posix_rename(self, old: bytes, new: bytes) -> None:
        _denied("no-rename", "no rename")
        if ON & {"posix-rename-failure", "rename-onto-fails"}:
            raise asyncssh.SFTPFailure("not implemented for this storage")
        if "rename-unsupported" in ON:
            raise asyncssh.SFTPOpUnsupported("no rename")
        super().posix_rename(old, new)

    def realpath(self, path: bytes) -> Any:
        if "no-realpath" in ON and path not in (b".", b""):
            raise asyncssh.SFTPFailure("Failure")
        return super().realpath(path)


def _told(result: Any) -> Any:
    """The attributes of a file."""
    found = asyncssh.SFTPAttrs.from_local(result) if isinstance(result, os.stat_result) else result
    if "no-times" in ON:
        found.atime = found.mtime = found.atime_ns = found.mtime_ns = None
    if "no-sizes" in ON:
        found.size = None
    return found


def _without_extensions() -> None:
    gone = {b"posix-rename@openssh.com"} if "no-posix-rename" in ON else set()
    if "no-extensions" in ON:
        gone = {name for name, _ in SFTPServerHandler._extensions}
    if "small-writes" in ON:
        gone = {b"limits@openssh.com"}
    SFTPServerHandler._extensions = [one for one in SFTPServerHandler._extensions if one[0] not in gone]


def _dropping(after: int) -> None:
    """Ends each connection after so many requests."""
    process = SFTPServerHandler._process_packet

    async def counted(self: Any, kind: int, number: int, packet: Any) -> None:
        self.asked = getattr(self, "asked", 0) + 1
        if self.asked > after:
            self._server.connection.abort()
            return
        await process(self, kind, number, packet)

    SFTPServerHandler._process_packet = counted


def _options(host_key: str) -> dict[str, Any]:
    options: dict[str, Any] = {"server_host_keys": [host_key]}
    if "sha1-kex" in ON:
        warnings.filterwarnings("ignore", "Diffie-Hellman over finite fields")
        options["kex_algs"] = ["diffie-hellman-group14-sha1", "diffie-hellman-group1-sha1"]
    if "sha1-mac" in ON:
        options |= {"encryption_algs": ["aes128-ctr"], "mac_algs": ["hmac-sha1"]}
    if "sha1-login" in ON:
        allowed = FOLDER.parent / "login.pub"
        options |= {"signature_algs": ["ssh-rsa"], "authorized_client_keys": str(allowed) if allowed.exists() else None}
    if "sha1-key" in ON:
        key = asyncssh.generate_private_key("ssh-rsa", key_size=2048)
        key.write_public_key(str(FOLDER.parent / "rsa.pub"))
        key.sig_algorithms = (b"ssh-rsa",)
        key.all_sig_algorithms = {b"ssh-rsa"}
        options["server_host_keys"] = [key]
    return options


async def serve(port: int, host_key: str) -> None:
    options = _options(host_key) | ({} if "no-sftp" in ON else {"sftp_factory": Files})
    await asyncssh.listen("127.0.0.1", port, server_factory=OneAtATime, **options)
    await asyncio.Event().wait()


def main(port: int, host_key: str, folder: Path, quirks: tuple[str, ...]) -> None:
    """Serve a folder until the process is stopped."""
    global ON, FOLDER
    ON, FOLDER = frozenset(quirks) - {""}, folder
    assert QUIRKS.keys() >= ON, ON - QUIRKS.keys()
    _without_extensions()
    if "drops" in ON:
        _dropping(12)
    asyncio.run(serve(port, host_key))
