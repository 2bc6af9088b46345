"""Spark Connect servers, from Airflow connections of type `spark_connect`. The fields are those of the Apache Spark
provider, which need not be installed."""

from __future__ import annotations

from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from sluice.airflow.connection_errors import needs
from sluice.model.access import SparkAccess

if TYPE_CHECKING:
    from airflow.sdk import Connection

_PORT = 15002
"""Spark Connect's own default."""


def spark(connection: Connection) -> SparkAccess:
    """Host and port, with or without `sc://`; the login is the user's id, the password a bearer token, and the extra
    `use_ssl` turns TLS on. A token is only sent over TLS."""
    from airflow.sdk.log import mask_secret

    token = connection.password or None
    if token:
        mask_secret(token)
    host, port = _address(connection)
    secure = str(connection.extra_dejson.get("use_ssl", bool(token))).lower() in ("true", "1")
    if token and not secure:
        raise needs(connection, "extra `use_ssl` that is true: its token is only sent over TLS")
    return SparkAccess(host=host, port=port, user=connection.login or None, token=token, use_ssl=secure)


def _address(connection: Connection) -> tuple[str, int]:
    written = (connection.host or "").strip()
    try:
        parts = urlsplit(written if "://" in written else f"sc://{written}")
        host, port = parts.hostname, parts.port
    except ValueError:  # an invalid port or bracket
        host = port = None
    if not host or parts.scheme != "sc" or parts.username or parts.path.strip("/;") or parts.query:
        raise needs(connection, "host that is an address: `spark.example.com`, or `sc://spark.example.com`")
    return host, int(connection.port or port or _PORT)
