"""What can be tried before a run: whether a dataset is sure to tell what is new, and whether a connection delivers."""

from __future__ import annotations

from contextlib import closing
from uuid import uuid4

from sluice.definition.catalog import CursorColumn, Dataset
from sluice.definition.connection import Connection
from sluice.errors import FatalError
from sluice.model.access import Connections
from sluice.sources.position import Skipping

_BODY = b"Sluice writes this file to see whether it may, and removes it.\n"


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
