"""Azurite, Microsoft's own emulator of Azure Blob Storage: it verifies keys and SAS tokens as Azure does."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from tests.servers.process import free_port, program, running

ACCOUNT = "devstoreaccount1"
KEY = "Eby8vdM02xNOcqFlqUwJPLlmEtlCDXJ1OUzFT50uSRZ6IFsuFq2UVErCz4I6tq/K1SZFPTOtr/KBHBeksoGMGw=="  # published by Azurite
CONTAINER = "inbound"


@contextmanager
def azurite(folder: Path, *options: str) -> Iterator[str]:
    """Gives the account's address. The API version check is off: the clients are newer than the emulator."""
    port = free_port()
    command = [
        program("azurite-blob"),
        "--blobHost",
        "127.0.0.1",
        "--blobPort",
        str(port),
        "-l",
        str(folder / "azurite"),
    ]
    command += ["--silent", "--disableTelemetry", "--skipApiVersionCheck", *options]
    with running(command, port, folder / "azurite.log"):
        address = f"http://127.0.0.1:{port}/{ACCOUNT}"
        service(address).create_container(CONTAINER)
        yield address


def service(address: str) -> Any:
    """The vendor's own client."""
    from azure.storage.blob import BlobServiceClient

    return BlobServiceClient(address, credential=KEY)


def by_connection_string(address: str, key: str = KEY) -> str:
    """The Airflow connection with a connection string, as JSON."""
    text = f"DefaultEndpointsProtocol=http;AccountName={ACCOUNT};AccountKey={key};BlobEndpoint={address};"
    return json.dumps({"conn_type": "wasb", "extra": {"connection_string": text}})


def by_sas_url(
    address: str, *, container: str = CONTAINER, life: timedelta = timedelta(hours=1), may: str = "racwdl"
) -> str:
    """The Airflow connection with a container's whole SAS URL, which is what Adobe hands out."""
    return json.dumps(
        {"conn_type": "wasb", "extra": {"sas_token": f"{address}/{container}?{sas(container, life, may)}"}}
    )


def sas(container: str, life: timedelta, may: str) -> str:
    """A SAS token for one container."""
    from azure.storage.blob import generate_container_sas

    ends = datetime.now(UTC) + life
    starts = min(ends, datetime.now(UTC)) - timedelta(hours=2)
    token: str = generate_container_sas(ACCOUNT, container, KEY, permission=may, start=starts, expiry=ends)
    return token
