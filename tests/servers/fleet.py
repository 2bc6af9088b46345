"""Every server that the destination tests use, started when the first test asks for it, and stopped together."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Callable
from contextlib import AbstractContextManager, ExitStack
from functools import cached_property, partial
from pathlib import Path
from typing import TypeVar

from sluice.airflow.connections import AirflowConnections
from sluice.model.access import Access
from tests.environment import declare, withdraw
from tests.servers import azurite, gcs, lake, s3, ssh

Server = TypeVar("Server")


class Fleet:
    """Close it at the end; its servers' data goes with it."""

    def __init__(self) -> None:
        self._running = ExitStack()
        # Not below a private folder of pytest's: sshd's login must be able to reach its own folder.
        self.folder = Path(self._running.enter_context(tempfile.TemporaryDirectory(prefix="sluice-servers-")))
        self.folder.chmod(0o755)
        os.environ.setdefault("AIRFLOW_HOME", str(self.folder / "airflow"))
        self.connected: set[str] = set()
        self._opened: dict[str, Access] = {}

    def connect(self, conn_id: str, connection: str) -> str:
        """Declare an Airflow connection, given as JSON; its id."""
        variable = f"AIRFLOW_CONN_{conn_id.upper()}"
        self._running.callback(withdraw, variable)
        declare(variable, connection)
        self.connected.add(conn_id)
        self._opened.pop(conn_id, None)
        return conn_id

    def get(self, conn_id: str) -> Access:
        """What an Airflow connection opens; asked of Airflow once, for its hooks take a while to load."""
        if conn_id not in self._opened:
            self._opened[conn_id] = AirflowConnections().get(conn_id)
        return self._opened[conn_id]

    def close(self) -> None:
        self._running.close()

    @cached_property
    def ministack(self) -> str:
        return self._start(s3.ministack)

    @cached_property
    def role(self) -> str:
        """A role on ministack that may do everything with S3; its ARN."""
        return s3.make_role(self.ministack, "exporter", {"Effect": "Allow", "Action": "s3:*", "Resource": "*"})

    @cached_property
    def rclone(self) -> str:
        return self._start(s3.rclone)

    @cached_property
    def azurite(self) -> str:
        return self._start(azurite.azurite)

    @cached_property
    def loose_azurite(self) -> str:
        """One that lets through what it cannot do, and checks every signature all the same."""
        return self._start(lambda folder: azurite.azurite(folder, "--loose"), "loose_azurite")

    @cached_property
    def data_lake(self) -> str:
        return self._start(partial(lake.data_lake, azurite=self.azurite), "data_lake")

    @cached_property
    def data_lake_over_tls(self) -> str:
        return self._start(partial(lake.data_lake_over_tls, azurite=self.azurite), "data_lake_over_tls")

    @cached_property
    def cloud_storage(self) -> gcs.CloudStorage:
        return self._start(gcs.cloud_storage)

    @cached_property
    def google_emulator(self) -> str:
        return self._start(gcs.emulator)

    @cached_property
    def sshd(self) -> ssh.SftpServer:
        return self._start(ssh.sshd)

    @cached_property
    def asyncssh(self) -> ssh.SftpServer:
        return self._start(ssh.asyncssh_server)

    @cached_property
    def rclone_sftp(self) -> ssh.SftpServer:
        return self._start(ssh.rclone_sftp)

    def _start(self, server: Callable[[Path], AbstractContextManager[Server]], name: str = "") -> Server:
        folder = self.folder / (name or server.__name__)
        folder.mkdir(mode=0o755)
        return self._running.enter_context(server(folder))
