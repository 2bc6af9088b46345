"""`sluice verify`: compare a delivery at its destination with its manifest."""

from __future__ import annotations

import os
import re
from argparse import Namespace
from collections.abc import Iterable, Sequence
from contextlib import closing
from pathlib import Path

from sluice.airflow.connections import AirflowConnections
from sluice.definition.load import load
from sluice.definition.models.connection import Connection
from sluice.delivery.verify import read_manifest, verify
from sluice.destinations.base import Destination
from sluice.errors import FatalError, SluiceError


def verify_manifest(args: Namespace) -> int:
    """Compare every part with the manifest, and print the differences. Returns 1 if there are any."""
    declared = load(args.include).project.connections
    if args.connection is not None and args.connection not in declared:
        raise FatalError(f"there is no connection {args.connection}", known=sorted(declared))
    among = declared.values() if args.connection is None else [declared[args.connection]]
    connection, name = _find(args.manifest, among)
    with closing(_opened(connection)) as destination:
        manifest = read_manifest(name, destination)
        findings = verify(manifest, destination)
    for finding in findings:
        print(finding)
    size = f"{manifest.files:,} files, {manifest.records:,} records, {manifest.bytes:,} bytes"
    print(f"{manifest.export}: {size}: {len(findings)} differences")
    return 1 if findings else 0


def _opened(connection: Connection) -> Destination:
    return connection.destination.open(AirflowConnections(), name=connection.name, threads=4)


def _find(address: str, connections: Iterable[Connection]) -> tuple[Connection, str]:
    """The connection to which an address belongs, and the name below its folder. Raises `FatalError` if it belongs to
    none, or to more than one."""
    wanted = os.path.realpath(address) if Path(address).exists() else address
    found: list[tuple[Connection, str]] = []
    others: list[str] = []
    for connection in connections:
        try:
            with closing(_opened(connection)) as destination:
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
