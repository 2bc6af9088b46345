"""The address in an Airflow connection of type `http`."""

from __future__ import annotations

from typing import TYPE_CHECKING
from urllib.parse import urlsplit

if TYPE_CHECKING:
    from airflow.sdk import Connection


def address_of(connection: Connection) -> str:
    """The connection's host as an address, with its scheme and port; empty without a host. Raises `ValueError` if it is
    not one."""
    host = connection.host or ""
    base = host if "://" in host or not host else f"{connection.schema or 'http'}://{host}"
    if connection.port and base and urlsplit(base).port is None:
        parts = urlsplit(base)
        base = parts._replace(netloc=f"{parts.netloc}:{connection.port}").geturl()
    return base
