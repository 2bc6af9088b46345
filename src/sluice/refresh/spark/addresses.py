"""Where a cluster finds the files of an Airflow connection. It reads them with its own rights: no secret is sent."""

from __future__ import annotations

import re
from urllib.parse import urlsplit

from sluice.filesystem import Opened
from sluice.model.access import Access, AwsAccess, AzureAccess, FolderAccess, GoogleAccess

_GLOB = re.compile(r"[{}\[\]*?\\]")
"""Characters of a path that Spark would take for a pattern."""


def address_of(access: Access, opened: Opened, name: str) -> str | None:
    """The file or folder `name` of an opened connection, as Hadoop's filesystems address it: its characters stand for
    themselves. None if clusters have no filesystem for this kind of connection."""
    path = opened.at(name)
    match access:
        case FolderAccess():
            return f"file://{path}"
        case AwsAccess():
            return f"s3a://{path}"
        case GoogleAccess():
            return f"gs://{path}"
        case AzureAccess():
            container, _, below = path.partition("/")
            given = urlsplit(access.endpoint_url or "").netloc.replace(".blob.", ".dfs.")
            return f"abfss://{container}@{given or f'{access.account}.dfs.core.windows.net'}/{below}"
        case _:
            return None


def literal(address: str) -> str:
    """The address for Spark's readers, which take some characters for patterns."""
    return _GLOB.sub(r"\\\g<0>", address)
