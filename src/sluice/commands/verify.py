"""`sluice verify`: compare a delivery at its destination with its manifest."""

from __future__ import annotations

from argparse import Namespace
from contextlib import closing

from sluice.airflow.connections import AirflowConnections
from sluice.definition.load import load
from sluice.delivery.manifests import find, opened
from sluice.delivery.verify import read_manifest, verify
from sluice.errors import FatalError


def verify_manifest(args: Namespace) -> int:
    """Compare every part with the manifest, and print the differences. Returns 1 if there are any."""
    declared = load(args.include).project.connections
    if args.connection is not None and args.connection not in declared:
        raise FatalError(f"there is no connection {args.connection}", known=sorted(declared))
    among = declared.values() if args.connection is None else [declared[args.connection]]
    access = AirflowConnections()
    connection, name = find(args.manifest, among, access)
    with closing(opened(connection, access)) as destination:
        manifest = read_manifest(name, destination)
        findings = verify(manifest, destination)
    for finding in findings:
        print(finding)
    size = f"{manifest.files:,} files, {manifest.records:,} records, {manifest.bytes:,} bytes"
    print(f"{manifest.export}: {size}: {len(findings)} differences")
    return 1 if findings else 0
