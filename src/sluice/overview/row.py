"""One export as a row of a list: for the Exports page and for `sluice list`."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Literal

from pydantic import BaseModel, ConfigDict

from sluice.access.actor import Actor
from sluice.access.may import export_on, may
from sluice.definition.load import Loaded
from sluice.definition.models.connection import Connection
from sluice.definition.models.export import Export
from sluice.definition.start import is_active, is_done
from sluice.errors import DefinitionError
from sluice.runs.record import Record

Status = Literal[
    "broken", "detached", "queued", "processing", "held", "failed", "cancelled", "skipped", "successful", "unknown",
    "not started", "verified", "differs", "unverified",
]  # fmt: skip
"""broken: the declaration does not load. detached: it has no connection. queued, processing: a run is in progress.
not started: it has not run yet. The others are the outcome of its last run. verified, differs, unverified: of a run
that compares an earlier delivery with its manifest, never of an export."""
Scheduled = Literal["on", "off", "paused", "ended", "done", "by hand"]
"""Whether its schedule will start another run; if not, why. off: switched off in the declaration, or detached. paused:
in Airflow. ended: after its end date, or its only run. done: it runs once, and has delivered. by hand: it has
no schedule."""
_STATUS: Mapping[str, Status] = {
    "published": "successful",
    "held": "held",
    "failed": "failed",
    "cancelled": "cancelled",
    "skipped": "skipped",
    "verified": "verified",
    "differs": "differs",
    "unverified": "unverified",
}
"""By the outcome of a run."""


SILENT = "Airflow ended this run before it could report"


@dataclass(frozen=True)
class InAirflow:
    """What Airflow knows about an export's DAG now."""

    paused: bool = False
    next_run: datetime | None = None
    run: str = ""
    """The id of its oldest unfinished run."""
    state: Literal["queued", "running", ""] = ""
    failed: str = ""
    """The id of its last failed run."""
    failed_at: datetime | None = None
    """When that ended."""


class ExportRow(BaseModel):
    """One export. Times are in UTC."""

    model_config = ConfigDict(frozen=True)

    name: str
    title: str = ""
    kind: str = ""
    """Empty, like every value from the declaration, if that does not load."""
    connection: str = ""
    """Empty if it has none."""
    connection_title: str = ""
    connection_type: str = ""
    """The type of the destination, such as `s3`."""
    status: Status
    why: str = ""
    """The reason of the status: the error of a broken declaration, or the first line of the last run's reason."""
    schedule: str = ""
    """In words."""
    scheduled: Scheduled = "by hand"
    next_run: datetime | None = None
    refreshed: datetime | None = None
    """When the last delivery ended."""
    records: int = 0
    """Of the last delivery."""
    bytes: int = 0
    run: str = ""
    """The Airflow run id of the run that determines the status."""
    end: datetime | None = None
    """When its schedule ends."""
    owner: str = ""
    tags: tuple[str, ...] = ()
    may: Literal["edit", "view"] = "view"
    """What the actor may do: `edit` includes running and scheduling it."""


def rows(
    loaded: Loaded,
    last: Mapping[str, Record],
    delivered: Mapping[str, Record],
    airflow: Mapping[str, InAirflow],
    now: datetime,
) -> Iterator[ExportRow]:
    """A row for each declared export, with the rights of a viewer. `last` has the last run of each export, `delivered`
    its last delivery, `airflow` the state of its DAG."""
    project = loaded.project
    for export in (*project.exports.values(), *project.detached.values()):
        name, connection = export.name, project.connections.get(export.connection)
        known = airflow.get(name, InAirflow())
        yield row(export, connection, last.get(name), delivered.get(name), known, now)
    for name, errors in loaded.broken.items():
        yield broken_row(name, errors, delivered.get(name))


def broken_row(name: str, errors: Sequence[DefinitionError], delivered: Record | None) -> ExportRow:
    """The row of an export whose declaration does not load."""
    return ExportRow.model_validate({"name": name, "status": "broken", "why": errors[0].what, **_delivery(delivered)})


class Rights:
    """What an actor may do with the exports of a project. An actor who may use a connection may attach a detached
    export to it, so may edit that one too."""

    def __init__(self, actor: Actor, connections: Mapping[str, Connection]) -> None:
        self._all = actor.administrator
        usable = (one for one in connections.values() if may(actor, "edit-export", export_on("", one)))
        self._own = {one.name for one in usable}

    def edits(self, row: ExportRow) -> bool:
        """Whether the actor may edit an export."""
        detached = not row.connection and row.status != "broken"
        return self._all or row.connection in self._own or (detached and bool(self._own))

    def of(self, row: ExportRow) -> ExportRow:
        """The row with the actor's rights."""
        return row.model_copy(update={"may": "edit"}) if self.edits(row) else row


def row(
    export: Export,
    connection: Connection | None,
    last: Record | None,
    delivered: Record | None,
    known: InAirflow,
    now: datetime,
) -> ExportRow:
    """The row of one export whose declaration loads."""
    status, why, run = _status(last, known)
    spec, scheduled = export.when, _scheduled(export, last, delivered, known, now)
    return ExportRow(
        name=export.name,
        title=export.title,
        kind=export.kind,
        connection=export.connection,
        connection_title=connection.title or connection.name if connection else "",
        connection_type=connection.destination.type if connection else "",
        status=status if connection or known.state else "detached",
        why=why,
        run=run,
        schedule=in_words(export),
        scheduled=scheduled,
        next_run=known.next_run if scheduled == "on" else None,
        end=spec.end if spec else None,
        owner=export.owner,
        tags=export.tags,
        refreshed=delivered.ended if delivered else None,
        records=delivered.records if delivered else 0,
        bytes=delivered.bytes if delivered else 0,
    )


def in_words(export: Export) -> str:
    """The export's schedule, such as `daily at 06:00 UTC`."""
    return export.when.says if export.when else str(export.schedule)


def _status(last: Record | None, known: InAirflow) -> tuple[Status, str, str]:
    if known.state:
        return ("processing" if known.state == "running" else "queued"), "", known.run
    if _unreported(last, known):
        return "failed", SILENT, known.failed
    if last is None:
        return "not started", "", ""
    return status_of(last.outcome), last.why, last.run


def status_of(outcome: str) -> Status:
    """The status that the outcome of an ended run gives."""
    return _STATUS.get(outcome, "unknown")


def _unreported(last: Record | None, known: InAirflow) -> bool:
    """Whether Airflow ended the last run before it could report."""
    if known.failed_at is None or (last is not None and last.run == known.failed):
        return False
    return last is None or last.ended < known.failed_at


def _scheduled(
    export: Export, last: Record | None, delivered: Record | None, known: InAirflow, now: datetime
) -> Scheduled:
    if export.when is None and export.schedule != "once":
        return "by hand"
    if not (export.enabled and export.connection):
        return "off"
    if is_done(export, delivered.ended if delivered else None):
        return "done"
    started = last is not None or bool(known.state)
    if started if export.schedule == "once" else not is_active(export, now):
        return "ended"
    return "paused" if known.paused else "on"


def _delivery(record: Record | None) -> dict[str, object]:
    if record is None:
        return {}
    return {"refreshed": record.ended, "records": record.records, "bytes": record.bytes}
