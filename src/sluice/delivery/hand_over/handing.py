"""Hand the files of a decided delivery over, each until it is accepted. Each receipt is staged at once, so that a
retry sends only the remaining files."""

from __future__ import annotations

import logging
import time
from contextlib import closing
from datetime import UTC, datetime

from pydantic import BaseModel, ConfigDict

from sluice.definition.models.hand_over import HandOver
from sluice.delivery.hand_over.adobe_target import Accepted, Api
from sluice.delivery.staging import Stage
from sluice.destinations.base import Destination
from sluice.errors import FatalError, RetriableError
from sluice.formats.adobe_target import BYTES, ROWS
from sluice.model.access import Connections
from sluice.model.manifest import ExportResult, Manifest
from sluice.plan.model import Plan

log = logging.getLogger(__name__)
FOLDER = "handed"


class Receipt(BaseModel):
    """The answer to one file."""

    model_config = ConfigDict(frozen=True)

    file: str
    sha256: str
    records: int
    batch_id: str
    batch_status: str
    """The address that shows what became of the batch."""
    accepted_at: str


class Receipts(BaseModel):
    """The document beside the manifest."""

    model_config = ConfigDict(frozen=True)

    run: str
    type: str
    address: str
    batches: tuple[Receipt, ...]


def document_of(manifest: Manifest) -> str:
    """The name of the document with the receipts, without its folder."""
    return f"handed-over-{manifest.connection}-{manifest.flowRunId}.json"


def hand_over(
    plan: Plan,
    manifest: Manifest,
    destination: Destination,
    stage: Stage,
    connections: Connections,
    *,
    again: bool = False,
) -> None:
    """Post every file that has no receipt yet, or all of them `again`, then write the receipts beside the manifest.

    Raises `RetriableError` or `FatalError` for the first file that is not accepted."""
    declared = plan.connection.hand_over
    if declared is None:
        return
    if again:
        stage.opened.remove_tree(FOLDER)
    found: list[Receipt] = []
    news = False
    with closing(Api(declared, connections)) as api:
        for number, part in enumerate(manifest.exportResults):
            name = f"{FOLDER}/{number:05d}"
            receipt = stage.find(name, Receipt)
            if receipt is None or receipt.sha256 != part.sha256:
                receipt = _receipt(part, _accepted(plan, part, destination, api))
                stage.write(name, receipt)
                log.info("handed over %s: batch %s, %s", part.path, receipt.batch_id, receipt.batch_status)
                news = True
            found.append(receipt)
    if news:
        _write(declared, plan, manifest, found, destination)


def _accepted(plan: Plan, part: ExportResult, destination: Destination, api: Api) -> Accepted:
    """Send a file, with the retries of a chunk."""
    if part.size >= BYTES or part.records > ROWS:
        raise FatalError(
            f"{part.path} has {part.size:,} bytes and {part.records:,} rows, but Adobe Target accepts batches of less"
            f" than {BYTES:,} bytes and at most {ROWS:,} rows",
            next_step="declare a smaller `chunks.bytes` or `chunks.records`, and trigger a new run",
        )
    pause = plan.chunks.retry_delay.total_seconds()
    for attempt in range(plan.chunks.retries + 1):
        try:
            return api.post(destination.read(part.path), part.size)
        except RetriableError:
            if attempt == plan.chunks.retries:
                raise
            time.sleep(pause * (2**attempt if plan.chunks.doubling else 1))
    raise AssertionError("not reached")


def _receipt(part: ExportResult, accepted: Accepted) -> Receipt:
    return Receipt(
        file=part.path,
        sha256=part.sha256,
        records=part.records,
        batch_id=accepted.batch,
        batch_status=accepted.status,
        accepted_at=datetime.now(UTC).isoformat(timespec="seconds"),
    )


def _write(declared: HandOver, plan: Plan, manifest: Manifest, found: list[Receipt], destination: Destination) -> None:
    receipts = Receipts(run=manifest.run_id, type=declared.type, address=declared.address, batches=tuple(found))
    body = receipts.model_dump_json(indent=1).encode() + b"\n"
    destination.put(plan.beside_manifest(document_of(manifest)), [body])
