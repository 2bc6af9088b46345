"""Whether a connection delivers: its keys are tried, and a small file is written, looked at, read and removed."""

from __future__ import annotations

from contextlib import closing
from uuid import uuid4

from sluice.definition.connection import Connection
from sluice.errors import FatalError
from sluice.model.access import Connections

_BODY = b"Sluice writes this file to see whether it may, and removes it.\n"


def probe(connection: Connection, connections: Connections) -> str:
    """Try a connection; the address of the file that was written and is gone again.

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
