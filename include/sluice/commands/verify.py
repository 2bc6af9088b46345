"""`sluice verify`: read a delivery at its destination again, against its manifest."""

from __future__ import annotations

import os
from argparse import Namespace
from collections.abc import Iterable
from contextlib import closing
from pathlib import Path

from sluice.airflow.connections import AirflowConnections
from sluice.definition.connection import Connection
from sluice.definition.load import load
from sluice.delivery.verify import read_manifest, verify
from sluice.destinations.base import Destination
from sluice.errors import FatalError, SluiceError


def verify_manifest(args: Namespace) -> int:
    """Compare every part with the manifest; print what differs."""
    declared = load(args.include).project.connections
    destination, name = _find(args.manifest, declared.values())
    with closing(destination):
        manifest = read_manifest(name, destination)
        findings = verify(manifest, destination)
    for finding in findings:
        print(finding)
    size = f"{manifest.files:,} files, {manifest.records:,} records, {manifest.bytes:,} bytes"
    print(f"{manifest.export}: {size}: {len(findings)} differences")
    return 1 if findings else 0


def _find(address: str, connections: Iterable[Connection]) -> tuple[Destination, str]:
    """The declared destination that an address lies in, and the name below its folder."""
    wanted = os.path.realpath(address) if Path(address).exists() else address
    roots: list[str] = []
    for connection in connections:
        try:
            destination = connection.destination.open(AirflowConnections(), name=connection.name, threads=4)
        except SluiceError as error:
            roots.append(f"{connection.name} ({error.what})")
            continue
        root = destination.locate("-").removesuffix("-")
        for own in (root, os.path.join(os.path.realpath(root), "")):  # noqa: PTH118 - an address of any kind
            if wanted.startswith(own):
                return destination, wanted.removeprefix(own)
        destination.close()
        roots.append(f"{connection.name} ({root})")
    raise FatalError(
        f"no declared connection delivers to {address}",
        known=roots,
        next_step="give the manifest's address as the delivery's report shows it",
    )
