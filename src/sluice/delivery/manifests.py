"""Which connection a manifest's address belongs to."""

from __future__ import annotations

import os
import re
from collections.abc import Iterable, Sequence
from contextlib import closing
from pathlib import Path

from sluice.definition.models.connection import Connection
from sluice.destinations.base import Destination
from sluice.errors import FatalError, SluiceError
from sluice.model.access import Connections


def opened(connection: Connection, access: Connections) -> Destination:
    """The connection's destination, to read from."""
    return connection.destination.open(access, name=connection.name, threads=4)


def find(address: str, among: Iterable[Connection], access: Connections) -> tuple[Connection, str]:
    """The connection to which an address belongs, and the name below its folder. Raises `FatalError` if it belongs to
    none, or to more than one."""
    wanted = os.path.realpath(address) if Path(address).exists() else address
    found: list[tuple[Connection, str]] = []
    others: list[str] = []
    for connection in among:
        try:
            with closing(opened(connection, access)) as destination:
                root = destination.locate("-").removesuffix("-")
        except SluiceError as error:
            others.append(f"{connection.name} ({error.what})")
            continue
        real = os.path.join(os.path.realpath(root), "")  # noqa: PTH118 - an address of any kind
        if own := next((own for own in (root, real) if wanted.startswith(own)), None):
            found.append((connection, wanted.removeprefix(own)))
        else:
            others.append(f"{connection.name} ({root})")
    if not found:
        raise FatalError(
            f"no declared connection delivers to {address}",
            known=others,
            next_step="use the manifest's address from the delivery's report",
        )
    return _the_one(address, found)


def _the_one(address: str, found: Sequence[tuple[Connection, str]]) -> tuple[Connection, str]:
    """The connection of a manifest. Two accounts may have a bucket of the same name, so the address alone may be
    ambiguous; the manifest's name contains the connection's."""
    named = re.search(r"manifest-(.+)-[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}\.json$", address)
    likely = [one for one in found if len(found) == 1 or (named and one[0].name == named[1])]
    if len(likely) == 1:
        return likely[0]
    raise FatalError(
        f"{len(found)} connections deliver to {address}",
        known=sorted(connection.name for connection, _ in found),
        next_step="name the one that delivered it: `--connection NAME`",
    )
