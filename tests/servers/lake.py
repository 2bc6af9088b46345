"""Our own small Data Lake Gen2 account, before Azurite."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import certifi

from tests.servers.azurite import ACCOUNT, KEY
from tests.servers.lake_server import CLIENT_ID, CLIENT_SECRET, TENANT
from tests.servers.process import free_port, module, running
from tests.servers.s3 import certificate


@contextmanager
def data_lake(folder: Path, azurite: str) -> Iterator[str]:
    """Gives the account's address."""
    port = free_port()
    with running(module("lake_server", str(port), azurite), port, folder / "lake.log"):
        yield f"http://127.0.0.1:{port}/{ACCOUNT}"


@contextmanager
def data_lake_over_tls(folder: Path, azurite: str) -> Iterator[str]:
    """The same with a certificate that this process trusts while it lasts: tokens are shown over TLS alone."""
    port, pem = free_port(), certificate(folder)
    trusted = folder / "trusted.pem"
    trusted.write_bytes(Path(certifi.where()).read_bytes() + pem.read_bytes())
    before = os.environ.get("REQUESTS_CA_BUNDLE")
    os.environ["REQUESTS_CA_BUNDLE"] = str(trusted)
    try:
        with running(module("lake_server", str(port), azurite, str(pem)), port, folder / "lake.log"):
            yield f"https://127.0.0.1:{port}/{ACCOUNT}"
    finally:
        os.environ.pop("REQUESTS_CA_BUNDLE")
        if before is not None:
            os.environ["REQUESTS_CA_BUNDLE"] = before


def by_key(address: str) -> str:
    """The Airflow connection by account key, as JSON."""
    return json.dumps({"conn_type": "adls", "password": KEY, "extra": {"account_url": address}})


def by_principal(address: str, secret: str = CLIENT_SECRET) -> str:
    """The Airflow connection by service principal, as JSON."""
    directory = address.removesuffix(f"/{ACCOUNT}")
    extra = {"account_url": address, "tenant_id": TENANT, "client_secret_auth_config": {"authority": directory}}
    return json.dumps({"conn_type": "adls", "login": CLIENT_ID, "password": secret, "extra": extra})


def client(address: str) -> Any:
    """The vendor's own client of the Data Lake half."""
    from azure.core.credentials import AzureSasCredential
    from azure.storage.filedatalake import (
        AccountSasPermissions,
        DataLakeServiceClient,
        ResourceTypes,
        generate_account_sas,
    )

    may = AccountSasPermissions(read=True, list=True)
    token = generate_account_sas(
        ACCOUNT, KEY, ResourceTypes(True, True, True), may, datetime.now(UTC) + timedelta(hours=1)
    )
    return DataLakeServiceClient(address, credential=AzureSasCredential(token))
