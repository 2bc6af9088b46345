"""Airflow connections as access values: the only code that reads secrets.

Inside a task, Airflow's Execution API returns connections. A command reads them as `sluice airflow connections` does
(secrets backend, environment, metadata database), then from `airflow_settings.yaml`.
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from sluice.airflow.connection_errors import missing, needs
from sluice.airflow.private import access_denied, read_connections_as_commands_do
from sluice.errors import DefinitionError, FatalError
from sluice.model.access import Access, FolderAccess, FsspecAccess, KeyAccess, SecretAccess, SqlAccess
from sluice.where import where

if TYPE_CHECKING:
    from airflow.sdk import Connection


class AirflowConnections:
    """Access to Airflow's connections; `settings` is the Astro settings file, which is read last."""

    def __init__(self, settings: Path | None = None) -> None:
        self._settings = settings or where().settings

    def get(self, conn_id: str) -> Access:
        """The access value of a connection. Raises `DefinitionError` if it is missing or incomplete for its type."""
        connection = self._connection(conn_id)
        return _READERS.get(connection.conn_type or "", _other)(connection)

    def raw(self, conn_id: str) -> Connection:
        """Airflow's own connection object, for uses other than data. Raises `DefinitionError` if it is missing."""
        return self._connection(conn_id)

    def type_of(self, conn_id: str) -> str:
        """The connection's type. Raises `DefinitionError` if the connection is missing."""
        return self._connection(conn_id).conn_type or ""

    def _connection(self, conn_id: str) -> Connection:
        from airflow.sdk import Connection
        from airflow.sdk.exceptions import AirflowNotFoundException

        read_connections_as_commands_do()
        try:
            found: Connection = Connection.get(conn_id)
        except access_denied():
            raise FatalError(
                f"this task may not read the Airflow connection {conn_id}",
                next_step="allow its team to use the connection, in Airflow's access rules",
            ) from None
        except AirflowNotFoundException:
            declared = _settings_file(self._settings)
            if conn_id not in declared:
                raise missing(conn_id, declared) from None
            found = Connection(conn_id=conn_id, **declared[conn_id])
            os.environ[f"AIRFLOW_CONN_{conn_id.upper()}"] = found.as_json()  # hooks read it from Airflow by id
        return found


class TaskConnections(AirflowConnections):
    """The connections that one task reads, each once: each is a request to Airflow, and each look at its extras has
    Airflow mask them in the log once more. A long upload reads them again after some seconds, because a credential may
    have been replaced."""

    KEPT = 5.0

    def __init__(self) -> None:
        super().__init__()
        self._read: dict[str, tuple[float, Access]] = {}

    def get(self, conn_id: str) -> Access:
        now = time.monotonic()
        at, found = self._read.get(conn_id, (-self.KEPT, None))
        if found is None or now - at > self.KEPT:
            found = super().get(conn_id)
            self._read[conn_id] = now, found
        return found


def _settings_file(path: Path) -> dict[str, dict[str, Any]]:
    """The connections of an Astro settings file, by id; empty if there is no file."""
    if not path.is_file():
        return {}
    from ruamel.yaml import YAML

    document = YAML(typ="safe").load(path) or {}
    rows = (document.get("airflow") or {}).get("connections") or []
    return {row["conn_id"]: _settings_row(row) for row in rows if row.get("conn_id")}


def _settings_row(row: Mapping[str, Any]) -> dict[str, Any]:
    import json

    extra = row.get("conn_extra") or {}
    return {
        "conn_type": row.get("conn_type"),
        "host": row.get("conn_host"),
        "schema": row.get("conn_schema"),
        "login": row.get("conn_login"),
        "password": row.get("conn_password"),
        "port": row.get("conn_port"),
        "extra": extra if isinstance(extra, str) else json.dumps(dict(extra)),
    }


def _folder(connection: Connection) -> FolderAccess:
    path = connection.extra_dejson.get("path")
    if not path:
        raise needs(connection, "extra `path`")
    return FolderAccess(where().home / Path(path).expanduser())


def _generic(connection: Connection) -> SecretAccess | KeyAccess:
    """A plain secret, or an OpenPGP key if an extra holds one."""
    keys = {name: connection.extra_dejson.get(name) for name in ("public_key", "private_key")}
    return KeyAccess(**keys, passphrase=connection.password) if any(keys.values()) else _secret(connection)


def _secret(connection: Connection) -> SecretAccess:
    if not connection.password:
        raise needs(connection, "password")
    return SecretAccess(connection.password.encode())


def _cloud(reader: str) -> Callable[[Connection], Access]:
    """A reader of `sluice.airflow.credentials`, imported with its provider on first use."""

    def read(connection: Connection) -> Access:
        from sluice.airflow import credentials

        access: Access = getattr(credentials, reader)(connection)
        return access

    return read


def _oauth(connection: Connection) -> Access:
    from sluice.airflow.oauth import oauth

    return oauth(connection)


def _spark(connection: Connection) -> Access:
    from sluice.airflow.spark import spark

    return spark(connection)


def _spark_submit(connection: Connection) -> Access:
    from sluice.airflow.spark import spark_submit

    return spark_submit(connection)


def _other(connection: Connection) -> Access:
    """A SQL database through its provider's hook, or a filesystem that a provider offers through fsspec."""
    from airflow.providers.common.sql.hooks.sql import DbApiHook
    from airflow.sdk.exceptions import AirflowException

    try:
        hook = connection.get_hook()
    except AirflowException:
        hook = None
    if isinstance(hook, DbApiHook):
        return SqlAccess(uri=_plain(hook.get_uri()), conn_type=str(connection.conn_type), connect=hook.get_conn)
    return _filesystem(connection)


def _plain(uri: str) -> str:
    """A SQLAlchemy URL without its driver."""
    scheme, separator, rest = uri.partition("://")
    return scheme.split("+")[0] + separator + rest


def _filesystem(connection: Connection) -> FsspecAccess:
    from airflow.sdk.io import get_fs, has_fs

    scheme = connection.conn_type or ""
    if not has_fs(scheme):
        raise DefinitionError(
            f"the Airflow connection {connection.conn_id} is of type {scheme}, which is neither a filesystem nor a SQL"
            " database",
            known=sorted(_READERS),
            next_step="name a connection of another type, or install the provider with the filesystem of this type",
        )
    return FsspecAccess(open=lambda: get_fs(scheme, connection.conn_id), protocol=scheme)


_READERS: dict[str, Callable[[Connection], Access]] = {
    "adls": _cloud("azure_data_lake"),
    "aws": _cloud("aws"),
    "fs": _folder,
    "generic": _generic,
    "google_cloud_platform": _cloud("google"),
    "http": _oauth,
    "iceberg": _cloud("iceberg"),
    "sftp": _cloud("sftp"),
    "spark": _spark_submit,
    "spark_connect": _spark,
    "ssh": _cloud("sftp"),
    "wasb": _cloud("azure_blob"),
}
