"""A run that verifies: it compares an earlier delivery of its export with its manifest. It pins, sends and changes
nothing, and reports what it has found."""

from __future__ import annotations

import time
from collections.abc import Callable
from contextlib import closing
from datetime import UTC, datetime

from pydantic import BaseModel, ConfigDict

from sluice.definition.models.connection import Connection
from sluice.definition.models.project import Staging
from sluice.delivery.manifests import find, opened
from sluice.delivery.report.ending import Ending
from sluice.delivery.report.report import Report, versions
from sluice.delivery.verify import read_manifest, verify
from sluice.errors import FatalError
from sluice.model.access import Connections
from sluice.model.run import Run
from sluice.runs.index import Index
from sluice.runs.record import Record

SHOWN = 20
"""The differences that a page names."""
PAUSE = 5.0
"""The seconds between two lines about the progress."""


class Verification(BaseModel):
    """A delivery compared with its manifest."""

    model_config = ConfigDict(frozen=True)

    run: str
    """The Airflow run id of the delivery."""
    files: int
    records: int
    bytes: int
    differences: int
    first: tuple[str, ...]
    """The first of them, one line each."""
    started_at: datetime

    @property
    def error(self) -> FatalError | None:
        """The first differences; None if there is none."""
        if not self.differences:
            return None
        places = "1 place" if self.differences == 1 else f"{self.differences:,} places"
        more = [f"... {self.differences - len(self.first):,} more"] if self.differences > len(self.first) else []
        what = f"the delivery of {self.run} differs from its manifest in {places}"
        return FatalError("\n  ".join([what, *self.first, *more]), next_step=_NEXT)

    @property
    def ending(self) -> Ending:
        """How the run that has compared it ends."""
        if (error := self.error) is not None:
            return Ending("differs", error.page())
        size = f"{self.files:,} files, {self.records:,} records, {self.bytes:,} bytes"
        return Ending("verified", f"the delivery of {self.run} is as its manifest says: {size}")


_NEXT = "find out what changes files there; a resend delivers the same bytes again, as long as the data can be read"


def delivery_of(staging: Staging, export: str, run: str, connections: Connections) -> Record:
    """The record of a delivery, by its Airflow run id or its flow run id. Raises `FatalError` if there is none."""
    index = Index.of(staging, connections)
    index.refresh()
    record = index.delivery(export, run)
    if record is None:
        raise FatalError(f"run {run} of {export} has delivered nothing", next_step="name a run that was delivered")
    return record


def verify_delivery(
    record: Record, connection: Connection, connections: Connections, say: Callable[[str], None]
) -> Verification:
    """Read a delivery back. The export's own connection must have delivered it: those who may run an export may read
    what it has delivered, and nothing else. Raises `FatalError` if it cannot be read."""
    started_at, spoken = datetime.now(UTC), time.monotonic()
    if record.connection != connection.name:
        raise FatalError(
            f"run {record.run} of {record.export} was delivered to the connection {record.connection}, but the export"
            f" delivers to {connection.name} now",
            next_step=f"run `sluice verify {record.manifest} --connection {record.connection}`",
        )
    _, path = find(record.manifest, [connection], connections)
    with closing(opened(connection, connections)) as destination:
        manifest = read_manifest(path, destination)

        def tick(parts: int) -> None:
            nonlocal spoken
            if time.monotonic() - spoken >= PAUSE or parts == manifest.files:
                say(f"compared {parts:,} of {manifest.files:,} files")
                spoken = time.monotonic()

        say(f"comparing {destination.locate(path)}: {manifest.files:,} files, {manifest.bytes:,} bytes")
        found = verify(manifest, destination, tick=tick)
    return Verification(
        run=record.run,
        files=manifest.files,
        records=manifest.records,
        bytes=manifest.bytes,
        differences=len(found),
        first=tuple(found[:SHOWN]),
        started_at=started_at,
    )


def report_of(
    run: Run, kind: str, record: Record | None, found: Verification | None, ending: Ending, now: datetime
) -> Report:
    """The report of a run that verifies. `record` is that of the delivery, `found` what was compared."""
    return Report(
        export=run.export,
        kind=kind,
        connection=record.connection if record else "",
        run=run.run_id,
        flow_run_id=str(run.id),
        outcome=ending.outcome,
        why=ending.page,
        files=found.files if found else 0,
        records=found.records if found else 0,
        bytes=found.bytes if found else 0,
        manifest=record.manifest if record else "",
        started_at=found.started_at.isoformat(timespec="seconds") if found else "",
        ended_at=now.isoformat(timespec="seconds"),
        versions=versions(),
        wakes=False,
    )
