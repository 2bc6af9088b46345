"""Every destination with each server that it is examined against."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from typing import Any

from sluice.destinations import DESTINATIONS
from sluice.destinations.base import Destination, DestinationConfig
from tests.servers import azurite, gcs, lake, s3
from tests.servers.fleet import Fleet
from tests.servers.folders import folder_connection
from tests.servers.ssh import PASSPHRASE


@dataclass(frozen=True)
class Subject:
    """A type of destination, the server behind it, how its Airflow connection is made, and what is declared besides.
    `unfinished` looks behind Sluice's back for uploads that were begun and not ended; None where nothing can show them.
    """

    type: str
    server: str
    connection: Callable[[Fleet], str]
    declared: dict[str, Any] = field(default_factory=dict)
    unfinished: Callable[[Fleet], list[str]] | None = None
    same_client: bool = False
    """The same client as another subject's, let in by other credentials: its exam is a shorter one."""

    def __str__(self) -> str:
        return f"{self.type}-{self.server}"

    def config(self, fleet: Fleet, folder: str = "") -> DestinationConfig:
        conn_id = str(self).replace("-", "_").replace(" ", "_")
        if conn_id not in fleet.connected:
            fleet.connect(conn_id, self.connection(fleet))
        return DESTINATIONS[self.type].model_validate(
            {"type": self.type, "airflow_conn_id": conn_id, "folder": folder, **self.declared}
        )

    def open(self, fleet: Fleet, folder: str = "", threads: int = 24) -> Destination:
        return self.config(fleet, folder).open(fleet, name="acme", threads=threads)


def _uploads(address: Callable[[Fleet], str]) -> Callable[[Fleet], list[str]]:
    def look(fleet: Fleet) -> list[str]:
        client = s3.client(address(fleet))
        try:
            page = client.list_multipart_uploads(Bucket=s3.BUCKET)
        except client.exceptions.NoSuchUpload:  # rclone's answer for a bucket that never had one
            return []
        return [upload["Key"] for upload in page.get("Uploads", ())]

    return look


def _hidden(folder: Callable[[Fleet], Path]) -> Callable[[Fleet], list[str]]:
    return lambda fleet: [str(path) for path in folder(fleet).rglob(".*.partial")]


def _google_uploads(fleet: Fleet) -> list[str]:
    return [
        upload["Key"]
        for upload in gcs.client(fleet.cloud_storage, fleet.get("gcs_own_server"))
        .list_multipart_uploads(Bucket=gcs.BUCKET)
        .get("Uploads", ())
    ]


def _local(fleet: Fleet) -> str:
    return folder_connection(fleet.folder / "local")


def _role(fleet: Fleet) -> str:
    return s3.connection(fleet.ministack, role_arn=fleet.role)


def _by_key(fleet: Fleet) -> str:
    server = fleet.asyncssh
    extra = {"private_key": (server.folder.parent / "client_key").read_text(), "private_key_passphrase": PASSPHRASE}
    return server.connection(password=None, extra=extra)


def _sas(fleet: Fleet) -> str:
    token = azurite.sas(azurite.CONTAINER, timedelta(hours=1), "racwdl")
    return json.dumps({"conn_type": "wasb", "host": fleet.azurite, "extra": {"sas_token": token}})


BUCKET = {"bucket": s3.BUCKET}
FILESYSTEM = {"filesystem": azurite.CONTAINER}
CONTAINER = {"container": azurite.CONTAINER}

SUBJECTS = (
    Subject("local", "disk", _local, unfinished=_hidden(lambda fleet: fleet.folder / "local")),
    Subject("s3", "ministack", lambda f: s3.connection(f.ministack), BUCKET, _uploads(lambda f: f.ministack)),
    Subject("s3", "ministack role", _role, BUCKET, _uploads(lambda f: f.ministack), same_client=True),
    Subject("s3", "rclone", lambda f: s3.connection(f.rclone), BUCKET, _uploads(lambda f: f.rclone)),
    Subject("gcs", "own server", lambda f: f.cloud_storage.connection(), BUCKET, _google_uploads),
    Subject("gcs", "own server hmac", lambda f: f.cloud_storage.by_hmac(), BUCKET, same_client=True),
    Subject("azure-blob", "azurite", lambda f: azurite.by_connection_string(f.azurite), CONTAINER),
    Subject("azure-blob", "azurite sas", _sas, CONTAINER, same_client=True),
    Subject("adls", "own front", lambda f: lake.by_key(f.data_lake), FILESYSTEM),
    Subject("adls", "own front oauth", lambda f: lake.by_principal(f.data_lake_over_tls), FILESYSTEM, same_client=True),
    Subject("data-landing-zone", "azurite", lambda f: azurite.by_sas_url(f.azurite), CONTAINER),
    Subject("sftp", "sshd", lambda f: f.sshd.connection(), unfinished=_hidden(lambda f: f.sshd.folder)),
    Subject("sftp", "asyncssh key", _by_key, unfinished=_hidden(lambda f: f.asyncssh.folder)),
    Subject("sftp", "rclone", lambda f: f.rclone_sftp.connection(), unfinished=_hidden(lambda f: f.rclone_sftp.folder)),
    Subject("sftp", "sshd in place", lambda f: f.sshd.connection(), {"rename": False, "check_size": False}),
)
