"""Spark Connect servers, from Airflow connections of type `spark_connect`, and clusters whose jobs `spark-submit`
starts, from those of type `spark`. The fields are those of the Apache Spark provider, which need not be installed."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from sluice.airflow.connection_errors import needs
from sluice.model.access import SparkAccess, SparkSubmitAccess

if TYPE_CHECKING:
    from airflow.sdk import Connection

_PORT = 15002
"""Spark Connect's own default."""
_BINARIES = ("spark-submit", "spark2-submit", "spark3-submit")
_MODES = ("", "client", "cluster")
_MASTER = re.compile(r"yarn|local(\[[0-9*]+\])?|(spark|k8s)://[A-Za-z0-9\[][^\s@?]*")
_WORD = re.compile(r"[A-Za-z0-9][\w.-]*|")


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


def spark_submit(connection: Connection) -> SparkSubmitAccess:
    """The host is the master, and the port belongs to it; a bare host is a Spark master. The extras `deploy-mode`,
    `queue`, `namespace` and `spark-binary` are options of `spark-submit`. Login and password are not used: a cluster
    knows the worker by its own means."""
    given = {name: str(value or "") for name, value in connection.extra_dejson.items()}
    binary = given.get("spark-binary") or _BINARIES[0]
    mode, queue, namespace = (given.get(name, "") for name in ("deploy-mode", "queue", "namespace"))
    master = _master(connection)
    if binary not in _BINARIES:
        raise needs(connection, f"extra `spark-binary` that is one of {', '.join(_BINARIES)}")
    if mode not in _MODES:
        raise needs(connection, "extra `deploy-mode` that is client or cluster")
    if mode == "cluster" and not master.startswith(("yarn", "k8s:")):
        raise needs(connection, "master that runs the driver of a Python job: leave the extra `deploy-mode` out")
    if not (_WORD.fullmatch(queue) and _WORD.fullmatch(namespace)):
        raise needs(connection, "extra `queue` or `namespace` that is a name")
    return SparkSubmitAccess(master, mode, queue, namespace, binary)


def _master(connection: Connection) -> str:
    host = (connection.host or "").strip()
    if host and "://" not in host and host not in ("yarn", "local") and not host.startswith("local["):
        host = f"spark://{host}"
    master = f"{host}:{connection.port}" if connection.port and "://" in host else host
    if not _MASTER.fullmatch(master):
        raise needs(connection, "host that is a master: `spark://spark.example.com`, `yarn` or `k8s://https://...`")
    return master
