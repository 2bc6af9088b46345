"""What Adobe Target has made of the batches of a delivery."""

from __future__ import annotations

from contextlib import closing
from datetime import UTC, datetime
from typing import Literal

from pydantic import BaseModel, ConfigDict, ValidationError, computed_field

from sluice.definition.models.hand_over import HandOver
from sluice.delivery.hand_over.adobe_target import Api
from sluice.delivery.hand_over.handing import Receipts, document_of
from sluice.destinations.base import Destination
from sluice.errors import FatalError
from sluice.model.access import Connections
from sluice.model.manifest import Manifest


class BatchState(BaseModel):
    """One batch. A number is None if Target does not say it."""

    model_config = ConfigDict(frozen=True)

    file: str
    batch_id: str
    status: str
    """`complete`, `incomplete` or `stuck`."""
    records: int
    """Rows that were handed over."""
    consumed: int | None = None
    successful: int | None = None
    not_found: int | None = None
    failed: int | None = None


class BatchReceipt(BaseModel):
    """What Adobe Target has made of the files of a delivery, when it was asked last."""

    model_config = ConfigDict(frozen=True)

    reader: Literal["adobe-target"] = "adobe-target"
    asked_at: str
    batches: tuple[BatchState, ...]

    @property
    def remarks(self) -> tuple[str, ...]:
        """What is left to do, or went wrong; empty if every profile was updated."""
        states = [one.status for one in self.batches]
        odd = {state: states.count(state) for state in states if state != "complete"}
        found = [f"{count} {'batch is' if count == 1 else 'batches are'} {state}" for state, count in odd.items()]
        counts = {"failed": self._sum("failed"), "are not known to Target": self._sum("not_found")}
        return (*found, *(f"{count:,} profiles {what}" for what, count in counts.items() if count))

    @computed_field  # type: ignore[prop-decorator]
    @property
    def says(self) -> str:
        """It in a sentence."""
        return str(self)

    def __str__(self) -> str:
        records = sum(one.records for one in self.batches)
        done = self._sum("successful")
        said = "an unknown number" if done is None else f"{done:,}"
        return ": ".join(
            [f"Adobe Target updated {said} of {records:,} profiles", *filter(None, [", ".join(self.remarks)])]
        )

    def _sum(self, key: str) -> int | None:
        counts = [getattr(one, key) for one in self.batches]
        return None if None in counts else sum(counts)


def asked(
    declared: HandOver, name: str, manifest: Manifest, destination: Destination, connections: Connections
) -> BatchReceipt:
    """Ask Target about each batch of a delivery. `name` is that of its manifest. Target keeps the state of a batch for
    a day.

    Raises `FatalError` if nothing was handed over, and `RetriableError` or `FatalError` for a batch that Target does
    not answer for."""
    place = f"{name.rpartition('/')[0]}/{document_of(manifest)}".lstrip("/")
    if destination.stat(place) is None:
        raise FatalError(
            f"the run {manifest.run_id} has handed nothing over yet",
            next_step="see the task `publish`, and ask again when it has succeeded",
        )
    try:
        receipts = Receipts.model_validate_json(b"".join(destination.read(place)))
    except ValidationError as bad:
        raise FatalError(f"{destination.locate(place)} does not list receipts", next_step="restore the file") from bad
    with closing(Api(declared, connections)) as api:
        batches = [
            BatchState(
                file=one.file, batch_id=one.batch_id, records=one.records, **api.state(one.batch_status)._asdict()
            )
            for one in receipts.batches
        ]
    return BatchReceipt(asked_at=datetime.now(UTC).isoformat(timespec="seconds"), batches=tuple(batches))
