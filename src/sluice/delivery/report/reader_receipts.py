"""Receipts: what the readers of an export's deliveries, Audience Manager and Adobe Target, have made of them. Kept in
staging: `deliveries/<export>/inbound/<flow run id>/<name>.json`."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence

from pydantic import TypeAdapter

from sluice.audience.receipt import InboundReceipt
from sluice.definition.models.project import Staging
from sluice.delivery.hand_over.states import BatchReceipt
from sluice.errors import FatalError
from sluice.filesystem import open_filesystem
from sluice.model.access import Connections
from sluice.model.manifest import Manifest

KEPT = 300
"""Receipts of an export that are kept; older ones are removed."""


Receipt = BatchReceipt | InboundReceipt
_RECEIPT: TypeAdapter[Receipt] = TypeAdapter(Receipt)


class ReaderReceipts:
    """The receipts of one export."""

    def __init__(self, staging: Staging, export: str, connections: Connections) -> None:
        folder = f"{staging.path}/deliveries/{export}/inbound".lstrip("/")
        self._opened = open_filesystem(connections, staging.airflow_conn_id, folder)

    def of(self, flow_run_id: str) -> list[Receipt]:
        """Those of one run, oldest first."""
        files = sorted(self._opened.list(flow_run_id), key=lambda file: (file.modified, file.name))
        bodies = (self._opened.find_bytes(file.name) for file in files)
        return [_RECEIPT.validate_json(body) for body in bodies if body is not None]

    def keep(self, flow_run_id: str, receipt: Receipt) -> None:
        """Store a receipt; the same one again changes nothing. What Adobe Target says now replaces what it said."""
        body = receipt.model_dump_json(indent=1, exclude={"reader", "says"}).encode()
        name = hashlib.sha256(body).hexdigest()[:16] if isinstance(receipt, InboundReceipt) else receipt.reader
        self._opened.write_bytes(f"{flow_run_id}/{name}.json", body)
        files = sorted(self._opened.list(), key=lambda file: (file.modified, file.name), reverse=True)
        self._opened.remove(file.name for file in files[KEPT:])


def fits(receipt: InboundReceipt, manifest: Manifest) -> Sequence[str]:
    """What is remarkable about a receipt for a delivery. Raises `FatalError` if it is for none of its files."""
    records = {result.name: result.records for result in manifest.exportResults}
    ours = [name for name in receipt.files if name in records]
    if not ours:
        raise FatalError(
            f"the run {manifest.run_id} has none of the files of this receipt: {', '.join(receipt.files[:3])}",
            next_step="name the run that delivered these files with `--run`",
        )
    sent = sum(records[name] for name in ours)
    remarks = []
    if missing := len(records) - len(ours):
        remarks.append(f"it is for {len(ours)} of the run's {len(records)} files: {missing} are not in it")
    if others := len(receipt.files) - len(ours):
        remarks.append(f"its numbers include {others} files of other deliveries")
    elif receipt.received != sent:
        remarks.append(f"it counts {receipt.received:,} records, but {sent:,} were delivered")
    return remarks
