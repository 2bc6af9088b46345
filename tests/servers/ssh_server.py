"""An SFTP server of asyncssh's, as a program: PORT HOST_KEY FOLDER (with `asyncssh/` and `authorized_keys` in it)."""

from __future__ import annotations

import asyncio
import sys
from pathlib import Path

import asyncssh

from tests.servers.ssh import PASSWORD, USER


class Login(asyncssh.SSHServer):
    def begin_auth(self, username: str) -> bool:
        return True

    def password_auth_supported(self) -> bool:
        return True

    def validate_password(self, username: str, password: str) -> bool:
        return (username, password) == (USER, PASSWORD)


async def serve(port: int, host_key: str, folder: Path) -> None:
    await asyncssh.listen(
        "127.0.0.1",
        port,
        server_factory=Login,
        server_host_keys=[host_key],
        authorized_client_keys=str(folder / "authorized_keys"),
        sftp_factory=lambda channel: asyncssh.SFTPServer(channel, chroot=bytes(folder / "asyncssh")),
    )
    await asyncio.Event().wait()


if __name__ == "__main__":
    asyncio.run(serve(int(sys.argv[1]), sys.argv[2], Path(sys.argv[3])))
