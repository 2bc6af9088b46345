"""Probe staging: a folder for commit logs must support exclusive creation of files."""

from __future__ import annotations

from uuid import uuid4

from sluice.errors import FatalError
from sluice.filesystem import open_filesystem
from sluice.model.access import Connections


def probe_staging(connections: Connections, airflow_conn_id: str, path: str) -> str:
    """Try the operations that commit logs need in the staging folder. Returns its address.

    Raises `FatalError` if an existing file can be created again, and the filesystem's own errors."""
    opened = open_filesystem(connections, airflow_conn_id, path)
    folder = f"sluice-probe-{uuid4()}"
    try:
        created = [opened.create(f"{folder}/entry", body) for body in (b"first", b"second")]
        if created != [True, False] or opened.read_bytes(f"{folder}/entry") != b"first":
            raise FatalError(
                f"staging at {opened.root}: a file that must not exist yet was created twice, so two processes could"
                " publish the same delivery",
                next_step="put staging on a disk, S3, Cloud Storage (with a service account), Azure or SFTP; an"
                " S3-compatible server must support `If-None-Match`",
            )
    finally:
        opened.remove_tree(folder)
    return opened.root
