"""What can be tried before a run: whether a connection delivers, whether a dataset is sure to tell what is new, and
whether staging can hold commit logs."""

from __future__ import annotations

from contextlib import closing
from uuid import uuid4

from sluice.definition.catalog import CursorColumn, Dataset
from sluice.definition.connection import Connection
from sluice.definition.project import Staging
from sluice.errors import FatalError
from sluice.filesystem import open_filesystem
from sluice.model.access import Connections
from sluice.sources.position import Skipping

_BODY = b"Sluice writes this file to see whether it may, and removes it.\n"


def probe_staging(staging: Staging, connections: Connections) -> str:
    """Try what commit logs need of the staging folder; its address.

    Raises `FatalError` if a file that is there is created again, and what the filesystem raises otherwise."""
    opened = open_filesystem(connections, staging.airflow_conn_id, staging.path)
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


def doubts(dataset: Dataset, connections: Connections) -> list[str]:
    """Why rows of a dataset whose news a column tells may never be delivered, each with what to do. None if it is
    declared how late they may appear."""
    by = dataset.added_by
    if not isinstance(by, CursorColumn) or by.waits:
        return []
    source = dataset.source.open(connections, dataset=dataset.name)
    return source.doubts(by.column) if isinstance(source, Skipping) else []


def probe(connection: Connection, connections: Connections) -> str:
    """Try a connection's keys, and write, look at, read and remove a small file; its address.

    Raises the destination's own error, which names what is wrong: the name, the network, the credentials, the bucket,
    the permission or the path.
    """
    name = f"sluice-probe-{uuid4()}.txt"
    if connection.openpgp:
        connection.openpgp.open(connections, name=connection.name)
    with closing(connection.destination.open(connections, name=connection.name, threads=1)) as destination:
        destination.put(name, [_BODY])
        try:
            if connection.destination.stays and b"".join(destination.read(name)) != _BODY:
                raise FatalError(f"connection {connection.name}: what is read at {name} is not what was written there")
        finally:
            destination.remove([name])
        return destination.locate(name)
