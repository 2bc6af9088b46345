"""The runs of an export as rows: those in progress, those that Airflow ended, and those that have reported."""

from __future__ import annotations

from datetime import UTC, datetime

from pydantic import BaseModel

from sluice.airflow.names import dag_id
from sluice.airflow.private import failed_runs, unfinished_runs
from sluice.overview.row import SILENT, status_of
from sluice.page.outliers import BEFORE, lasted, outliers
from sluice.page.world import RECENT, World
from sluice.runs.record import VERIFICATIONS, Record


class RunRow(BaseModel):
    """One run of an export's history."""

    run: str
    flow_run_id: str = ""
    status: str
    why: str = ""
    mode: str = ""
    window: str = ""
    started: datetime | None = None
    ended: datetime | None = None
    files: int = 0
    records: int = 0
    rejected: int = 0
    duplicates: int = 0
    bytes: int = 0
    seconds: float = 0
    """From start to end."""
    manifest: str = ""
    warnings: int = 0
    outlier: list[str] = []
    """Which of `records`, `bytes` and `seconds` are far from those of the deliveries before."""


def rows_of(world: World, name: str, offset: int, limit: int) -> tuple[list[RunRow], int]:
    """A page of an export's runs, newest first, and how many there are. Unfinished ones come first."""
    world.index.refresh()
    first = _unreported(world, name)
    own = first[offset : offset + limit]
    skipped = max(offset - len(first), 0)
    # The deliveries before the last row of the page are needed too.
    page = world.index.history(name, limit - len(own) + 5 * BEFORE, skipped)
    shown = page.records[: limit - len(own)]
    rows = [_row(record, outliers(record, _before(page.records[at + 1 :]))) for at, record in enumerate(shown)]
    return [*own, *rows], len(first) + page.total


def _before(records: list[Record]) -> list[Record]:
    return [record for record in records if record.outcome == "published"][:BEFORE]


def _unreported(world: World, name: str) -> list[RunRow]:
    """Runs that only Airflow knows: unfinished ones, and the last one if it was ended before it could report."""
    own = dag_id(name)
    rows = [
        RunRow(run=run, status="processing" if state == "running" else "queued", started=at)
        for dag, run, state, at in reversed(unfinished_runs(own))
        if dag == own
    ]
    for dag, run, ended in failed_runs(own, datetime.now(UTC) - RECENT):
        if dag == own and world.index.find(name, run) is None:
            rows.append(RunRow(run=run, status="failed", why=SILENT, ended=ended))
    return rows


def _row(record: Record, outlier: list[str]) -> RunRow:
    return RunRow(
        **record.model_dump(
            include={
                *("run", "flow_run_id", "why", "mode", "window", "started", "ended", "files", "records", "rejected"),
                *("duplicates", "bytes", "manifest", "warnings"),
            },
            exclude={"mode"} if record.outcome in VERIFICATIONS else None,
        ),
        status=status_of(record.outcome),
        seconds=lasted(record),
        outlier=outlier,
    )
