"""SFTP as a filesystem: fsspec's, with the server's host key checked and files replaced by a rename."""

from __future__ import annotations

import io
import threading
from typing import Any

from sluice.errors import FatalError
from sluice.model.access import SftpAccess


class _OneAtATime:
    """paramiko's session and its files for many threads: a thread that waits for its answer reads, and loses, the
    answers to the others' questions. So there is one question at a time."""

    def __init__(self, target: Any, lock: threading.RLock) -> None:
        self._target = target
        self.lock = lock

    def listdir_iter(self, path: str) -> list[Any]:
        """At once: the session's own asks on while others ask."""
        with self.lock:
            return list(self._target.listdir_attr(path))

    def __getattr__(self, name: str) -> Any:
        found = getattr(self._target, name)
        if not callable(found):
            return found

        def alone(*args: Any, **options: Any) -> Any:
            with self.lock:
                return found(*args, **options)

        return alone


def sftp_filesystem(access: SftpAccess) -> Any:
    """An fsspec filesystem on one SSH connection."""
    import paramiko  # type: ignore[import-untyped]
    from fsspec.implementations.sftp import SFTPFileSystem

    class CheckedSftp(SFTPFileSystem):  # type: ignore[misc]
        """fsspec trusts whatever host key it is shown; this one does not."""

        cachable = False

        def _connect(self) -> None:
            self.client = paramiko.SSHClient()
            _expect(self.client, access)
            self.client.connect(
                access.host,
                access.port,
                access.username,
                access.password,
                pkey=_private_key(access),
                allow_agent=False,
                look_for_keys=False,
                timeout=30,
            )
            self.ftp = _OneAtATime(self.client.open_sftp(), threading.RLock())

        def _open(self, path: str, mode: str = "rb", **options: Any) -> Any:
            return _OneAtATime(super()._open(path, mode, **options), self.ftp.lock)

        def mv(self, old: str, new: str, **_: Any) -> None:
            self.ftp.posix_rename(old, new)

    return CheckedSftp(host=access.host)


def _expect(client: Any, access: SftpAccess) -> None:
    import paramiko

    if not access.check_host_key:
        client.set_missing_host_key_policy(paramiko.AutoAddPolicy())
        return
    client.set_missing_host_key_policy(paramiko.RejectPolicy())
    if access.host_key is None:
        client.load_system_host_keys(access.known_hosts)
        return
    name = access.host if access.port == 22 else f"[{access.host}]:{access.port}"
    entry = paramiko.hostkeys.HostKeyEntry.from_line(f"{name} {access.host_key}")
    if entry is None or entry.key is None:
        raise FatalError(
            f"the host key of {access.host} is not in OpenSSH form", next_step="write it as `ssh-ed25519 AAAA...`"
        )
    client.get_host_keys().add(name, entry.key.get_name(), entry.key)


def _private_key(access: SftpAccess) -> Any:
    """paramiko's key, by way of asyncssh: that reads every form of key, and paramiko wants to be told the kind."""
    import asyncssh
    import paramiko

    if not access.private_key:
        return None
    try:
        key = asyncssh.import_private_key(access.private_key.strip() + "\n", access.passphrase)
    except (asyncssh.KeyImportError, asyncssh.KeyEncryptionError):
        raise FatalError(
            f"the private key for {access.host} cannot be read",
            next_step="correct the key or its passphrase in the Airflow connection; PuTTY's own form is not read",
        ) from None
    algorithm = key.get_algorithm()
    kinds = {"ssh-rsa": paramiko.RSAKey, "ssh-ed25519": paramiko.Ed25519Key}
    kind = kinds.get(algorithm, paramiko.ECDSAKey)
    return kind.from_private_key(io.StringIO(key.export_private_key().decode()))
