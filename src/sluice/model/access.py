"""Addresses and credentials of connections, as values.

Core code never reads connections from Airflow: it receives a `Connections` object and calls `get`. No value here shows
a secret in its `repr`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol


@dataclass(frozen=True)
class FolderAccess:
    """A folder on the local filesystem: the extra `path` of an Airflow connection of type `fs`."""

    path: Path


@dataclass(frozen=True)
class AwsKeys:
    """A set of keys. Temporary keys have a `token` and `expires_at` (UNIX seconds)."""

    access_key_id: str
    secret_access_key: str = field(repr=False)
    token: str | None = field(default=None, repr=False)
    expires_at: float | None = None


@dataclass(frozen=True)
class AwsAccess:
    """An S3 endpoint, and a function that returns keys for it. Call `keys` again when the keys have expired."""

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
    """Google Cloud Storage by access tokens (from a service account, or any other credential that Airflow's hook
    supports), by HMAC keys, or anonymously (emulators). Call `token` again when the token has expired."""

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
    """The authority that issues the service principal's tokens. Default: Azure's public cloud."""
    container: str | None = None
    """The only container that the SAS token is valid for, if its URL names one."""


@dataclass(frozen=True)
class SftpAccess:
    """An SFTP server. `host_key` holds the server's accepted public keys, in OpenSSH format. Default: the keys in the
    OpenSSH file `known_hosts`; without both, those in the user's own file. `legacy_algorithms` allows SHA-1."""

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
    """A SQL database. `uri` contains the password. `connect` opens a DB-API connection, for databases without ADBC."""

    uri: str = field(repr=False)
    conn_type: str
    connect: Callable[[], Any] = field(repr=False)


@dataclass(frozen=True)
class CatalogAccess:
    """An Iceberg REST catalog: the properties for `pyiceberg`, including credentials."""

    properties: Mapping[str, str] = field(repr=False)


@dataclass(frozen=True)
class FsspecAccess:
    """Any other filesystem with an Airflow connection, opened with fsspec."""

    open: Callable[[], Any] = field(repr=False)
    protocol: str


@dataclass(frozen=True)
class SecretAccess:
    """A single secret: the password of an Airflow connection of type `generic`."""

    value: bytes = field(repr=False)


@dataclass(frozen=True)
class KeyAccess:
    """An OpenPGP key, armored: the extras `public_key` and `private_key` of an Airflow connection of type `generic`,
    whose password is the private key's passphrase."""

    public_key: str | None = None
    private_key: str | None = field(default=None, repr=False)
    passphrase: str | None = field(default=None, repr=False)


@dataclass(frozen=True)
class OAuthAccess:
    """A client of a web API with OAuth 2. With a `username` it logs in with that user's password, otherwise with its
    own id and secret. `hide` keeps a token out of every log."""

    client_id: str
    client_secret: str = field(repr=False)
    username: str | None = None
    password: str | None = field(default=None, repr=False)
    scope: str | None = None
    api: str | None = None
    """The address of the API. Default: the vendor's."""
    token_url: str | None = None
    """The address of the token server. Default: the vendor's."""
    hide: Callable[[str], None] = field(default=lambda _: None, repr=False)


@dataclass(frozen=True)
class SparkAccess:
    """A Spark Connect server."""

    host: str
    port: int
    user: str | None = None
    token: str | None = field(default=None, repr=False)
    use_ssl: bool = False


@dataclass(frozen=True)
class SparkSubmitAccess:
    """A cluster whose jobs `spark-submit` starts."""

    master: str
    deploy_mode: str = ""
    queue: str = ""
    namespace: str = ""
    binary: str = "spark-submit"


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
    | OAuthAccess
    | SparkAccess
    | SparkSubmitAccess
)


class Connections(Protocol):
    """The only way to credentials."""

    def get(self, conn_id: str) -> Access:
        """The address and credentials of a connection. Raises `DefinitionError` if it does not exist."""
        ...
