"""What can be tried before a run: whether a connection delivers, whether a dataset is sure to tell what is new, and
whether staging can hold commit logs."""

from __future__ import annotations

from contextlib import closing, suppress
from typing import NamedTuple
from uuid import uuid4

from sluice.definition.catalog import CursorColumn, Dataset
from sluice.definition.connection import Connection
from sluice.definition.project import Staging
from sluice.destinations.base import Destination
from sluice.errors import FatalError, SluiceError
from sluice.filesystem import open_filesystem
from sluice.model.access import Connections
from sluice.sources.position import Skipping

_NAME = "sluice-probe.txt"
_BODY = b"Sluice writes this file to see whether it may, and removes it.\n"
_UPLOADS = 2
"""The second replaces the first, and takes a connection of its own if a destination has several."""


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


class Probed(NamedTuple):
    """Where the file was written, and why it stays there; empty if it is gone again."""

    address: str
    left: str = ""


def probe(connection: Connection, connections: Connections) -> Probed:
    """Try on a small file, always of the same name, what every run needs: write it, replace it, look it up by its name
    and read it. Then what only tidying up needs: remove it.

    Raises the destination's own error, which names what is wrong: the name, the network, the credentials, the bucket,
    the permission or the path.
    """
    if connection.openpgp:
        connection.openpgp.open(connections, name=connection.name)
    with closing(connection.destination.open(connections, name=connection.name, threads=_UPLOADS)) as destination:
        try:
            for _ in range(_UPLOADS):
                destination.put(_NAME, [_BODY])
            if connection.destination.stays and not _is_as_written(destination):
                raise FatalError(f"connection {connection.name}: what is read at {_NAME} is not what was written there")
        except SluiceError:
            with suppress(SluiceError):
                destination.remove([_NAME])
            raise
        try:
            destination.remove([_NAME])
        except FatalError as refused:
            return Probed(destination.locate(_NAME), refused.page())
        return Probed(destination.locate(_NAME))


def _is_as_written(destination: Destination) -> bool:
    found = destination.stat(_NAME)
    return found is not None and found.size == len(_BODY) and b"".join(destination.read(_NAME)) == _BODY
