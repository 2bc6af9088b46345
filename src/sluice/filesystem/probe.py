"""Whether a folder can hold commit logs: it must create a file only if it is absent."""

from __future__ import annotations

from uuid import uuid4

from sluice.errors import FatalError
from sluice.filesystem import open_filesystem
from sluice.model.access import Connections


def probe_staging(connections: Connections, airflow_conn_id: str, path: str) -> str:
    """Try what commit logs need of the staging folder; its address.

    Raises `FatalError` if a file that is there is created again, and what the filesystem raises otherwise."""
    opened = open_filesystem(connections, airflow_conn_id, path)
    folder = f"sluice-probe-{uuid4()}"
    try:
        created = [opened.create(f"{folder}/entry", body) for body in (b"first", b"second")]
        if created != [True, False] or opened.read_bytes(f"{folder}/entry") != b"first":
            raise FatalError(
                f"staging at {opened.root}: a file that is to be created only if it is absent was created twice: two"
                " processes could publish the same delivery",
                next_step="put staging on a disk, S3, Cloud Storage (by a service account), Azure or SFTP; of servers"
                " that speak S3's protocol, on one that obeys `If-None-Match`",
            )
    finally:
        opened.remove_tree(folder)
    return opened.root
