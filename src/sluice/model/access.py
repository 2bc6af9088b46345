"""What a connection opens: addresses and credentials as values, handed in by whoever may read them.

Core code never asks Airflow for a connection: it is given a `Connections` and calls `get`. No value here shows a
secret in its `repr`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol


@dataclass(frozen=True)
class FolderAccess:
    """A folder of the machine's own filesystem: Airflow's connection type `fs`, its extra `path`."""

    path: Path


@dataclass(frozen=True)
class AwsKeys:
    """One set of keys; `token` and `expires_at` (UNIX seconds) where they are temporary."""

    access_key_id: str
    secret_access_key: str = field(repr=False)
    token: str | None = field(default=None, repr=False)
    expires_at: float | None = None


@dataclass(frozen=True)
class AwsAccess:
    """An S3 endpoint and a way to get keys for it; call `keys` again when the last ones have expired."""

    keys: Callable[[], AwsKeys] = field(repr=False)
    region: str
    endpoint_url: str | None = None
    path_style: bool = False
    verify: bool | str = True


@dataclass(frozen=True)
class BearerToken:
    """An OAuth 2 access token; `expires_at` in UNIX seconds."""

    token: str = field(repr=False)
    expires_at: float


@dataclass(frozen=True)
class GoogleAccess:
    """Google Cloud Storage by access tokens (a service account and what else Airflow's hook knows), by HMAC keys, or
    anonymously (emulators); call `token` again when the last one has expired."""

    service_account: Mapping[str, Any] | None = field(default=None, repr=False)
    token: Callable[[], BearerToken] | None = field(default=None, repr=False)
    hmac: AwsKeys | None = field(default=None, repr=False)
    project: str | None = None
    endpoint_url: str | None = None


@dataclass(frozen=True)
class AzureAccess:
    """An Azure storage account by key, by SAS token or by a service principal."""

    account: str
    endpoint_url: str | None = None
    key: str | None = field(default=None, repr=False)
    sas: str | None = field(default=None, repr=False)
    tenant: str | None = None
    client_id: str | None = None
    client_secret: str | None = field(default=None, repr=False)
    authority: str | None = None
    """Where the service principal gets its tokens; Azure's public cloud unless given."""
    container: str | None = None
    """The one container that the SAS token is for, where its address named one."""


@dataclass(frozen=True)
class SftpAccess:
    """An SFTP server; `host_key` holds the public keys that it may show, in OpenSSH form. Without it they must stand in
    `known_hosts`, a file of OpenSSH's; without both, in the user's own. `legacy_algorithms` allows SHA-1."""

    host: str
    port: int
    username: str
    password: str | None = field(default=None, repr=False)
    private_key: str | None = field(default=None, repr=False)
    passphrase: str | None = field(default=None, repr=False)
    host_key: str | None = None
    known_hosts: str | None = None
    check_host_key: bool = True
    legacy_algorithms: bool = False


@dataclass(frozen=True)
class SqlAccess:
    """A SQL database: `uri` holds the password; `connect` makes a DB-API connection for kinds without ADBC."""

    uri: str = field(repr=False)
    conn_type: str
    connect: Callable[[], Any] = field(repr=False)


@dataclass(frozen=True)
class CatalogAccess:
    """An Iceberg REST catalog: the properties that `pyiceberg` opens it by, credentials among them."""

    properties: Mapping[str, str] = field(repr=False)


@dataclass(frozen=True)
class FsspecAccess:
    """Any other filesystem that Airflow has a connection for, opened through fsspec."""

    open: Callable[[], Any] = field(repr=False)
    protocol: str


@dataclass(frozen=True)
class SecretAccess:
    """A secret on its own: the password of an Airflow connection of type `generic`, which opens nothing else."""

    value: bytes = field(repr=False)


@dataclass(frozen=True)
class KeyAccess:
    """An OpenPGP key, armored: the extras `public_key` and `private_key` of an Airflow connection of type `generic`,
    whose password is the private key's passphrase."""

    public_key: str | None = None
    private_key: str | None = field(default=None, repr=False)
    passphrase: str | None = field(default=None, repr=False)


Access = (
    FolderAccess
    | AwsAccess
    | GoogleAccess
    | AzureAccess
    | SftpAccess
    | SqlAccess
    | CatalogAccess
    | FsspecAccess
    | SecretAccess
    | KeyAccess
)


class Connections(Protocol):
    """The one door to credentials."""

    def get(self, conn_id: str) -> Access:
        """What the connection opens. Raises `DefinitionError` where there is no such connection."""
        ...
