"""Three servers that speak SFTP: OpenSSH's sshd (where the tests run as root), asyncssh, and rclone."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.servers.process import NotInstalledError, forked, free_port, module, program, running

USER, PASSWORD, PASSPHRASE = "sluicetest", "a-test-password", "a-test-passphrase"


@dataclass(frozen=True)
class SftpServer:
    """`host_key` in OpenSSH's form; `folder` is where the login's files lie on this machine's disk."""

    port: int
    host_key: str
    folder: Path
    username: str = USER

    def connection(self, **changes: Any) -> str:
        """The Airflow connection by password, as JSON; `extra` and fields can be changed."""
        extra = {"host_key": self.host_key} | changes.pop("extra", {})
        fields = {"host": "127.0.0.1", "port": self.port, "login": self.username, "password": PASSWORD} | changes
        return json.dumps({"conn_type": "sftp", **fields, "extra": extra})


def host_key(folder: Path, name: str = "host") -> tuple[Path, str]:
    """A new host key: the file with its private half, and its public half as text."""
    import asyncssh

    key = asyncssh.generate_private_key("ssh-ed25519")
    path = folder / f"{name}_key"
    path.write_bytes(key.export_private_key())
    path.chmod(0o600)
    return path, key.export_public_key().decode().strip()


@contextmanager
def sshd(folder: Path) -> Iterator[SftpServer]:
    """OpenSSH. The login's own folder is a new one below `folder`, which also holds the login's `client_key`."""
    daemon = shutil.which("sshd", path="/usr/sbin:/usr/local/sbin:/usr/bin")
    if daemon is None or os.geteuid() != 0:
        raise NotInstalledError("OpenSSH's sshd needs root and the package openssh-server")
    port, (key, public), home = free_port(), host_key(folder), folder / "home"
    home.mkdir()
    _, client = host_key(folder, "client")
    (folder / "authorized_keys").write_text(client)
    Path("/run/sshd").mkdir(exist_ok=True)
    config, user = folder / "sshd_config", f"sluice-{port}"
    config.write_text(
        f"ListenAddress 127.0.0.1\nPort {port}\nHostKey {key}\nUsePAM no\nPasswordAuthentication yes\nPidFile none\n"
        f"Subsystem sftp internal-sftp\nForceCommand internal-sftp -d {home}\nAllowUsers {user}\nMaxStartups 100\n"
        f"MaxSessions 1\nStrictModes no\nAuthorizedKeysFile {folder}/authorized_keys\n"
    )
    command = [daemon, "-D", "-e", "-f", str(config)]
    with _user(user, home), running(command, port, folder / "sshd.log"):
        yield SftpServer(port, public, home, user)


@contextmanager
def _user(name: str, home: Path) -> Iterator[None]:
    """A login of this machine, for as long as the block lasts."""
    subprocess.run(["useradd", "-M", "-s", "/usr/sbin/nologin", name], check=True)
    try:
        subprocess.run(["chpasswd"], input=f"{name}:{PASSWORD}".encode(), check=True)
        shutil.chown(home, name)
        yield
    finally:
        subprocess.run(["userdel", "--force", name], check=True, capture_output=True)


@contextmanager
def asyncssh_server(folder: Path) -> Iterator[SftpServer]:
    """asyncssh's own server: it takes the password and one client key. The client's key lies in `folder`, encrypted."""
    import asyncssh

    port, (key, public), home = free_port(), host_key(folder), folder / "asyncssh"
    home.mkdir()
    client_key = asyncssh.generate_private_key("ssh-rsa", key_size=2048)
    encrypted = client_key.export_private_key(passphrase=PASSPHRASE, rounds=8, ignore_few_rounds=True)
    (folder / "client_key").write_bytes(encrypted)  # by default, deriving the key would take every login two seconds
    (folder / "authorized_keys").write_bytes(client_key.export_public_key())
    with running(module("ssh_server", str(port), str(key), str(folder)), port, folder / "asyncssh.log"):
        yield SftpServer(port, public, home)


@contextmanager
def quirky(folder: Path, *quirks: str) -> Iterator[SftpServer]:
    """asyncssh's server, answering as others do: `tests/servers/quirky_sftp.py` has the quirks."""
    port, (key, public), home = free_port(), host_key(folder), folder / "home"
    home.mkdir()
    from tests.servers import quirky_sftp

    with forked(quirky_sftp.main, port, str(key), home, quirks, port=port, log=folder / "quirky.log"):
        yield SftpServer(port, (folder / "rsa.pub").read_text() if "sha1-key" in quirks else public, home)


@contextmanager
def rclone_sftp(folder: Path) -> Iterator[SftpServer]:
    """rclone: an SFTP server without OpenSSH's extensions to the protocol."""
    port, (key, public), home = free_port(), host_key(folder), folder / "rclone-sftp"
    home.mkdir()
    command = [program("rclone"), "serve", "sftp", "--addr", f"127.0.0.1:{port}", "--user", USER, "--pass", PASSWORD]
    options = [
        "--key",
        str(key),
        "--config",
        "/dev/null",
        "--vfs-cache-mode",
        "writes",
        "--cache-dir",
        str(folder / "cache"),
    ]
    with running([*command, *options, str(home)], port, folder / "rclone-sftp.log"):
        yield SftpServer(port, public, home)
