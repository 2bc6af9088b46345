"""Retention: remove old deliveries from the destination, by their manifests.

Which deliveries there are is known from the index of runs. One is removed in this order:

1. The log of its run gets `dropping`. From then on, no process sends, publishes or resends that run.
2. What will be removed is recorded in staging: the names that the manifest lists.
3. The manifest is removed, so no consumer sees the delivery any more; then its parts.
4. The record is removed, then the run's staging with its log.

If a process dies in between, the next run continues from the record. Two processes remove the same names, and nothing
else: every part has its run's id in its name, so no other delivery shares it.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from uuid import uuid4

from pydantic import AwareDatetime, BaseModel, ConfigDict, ValidationError

from sluice.definition.models.connection import Connection
from sluice.definition.models.export import Export
from sluice.definition.models.project import Staging
from sluice.delivery.commit.run_log import Entry, RunLog
from sluice.delivery.manifests import opened
from sluice.delivery.staging import StagedRun, delivered_before
from sluice.delivery.verify import read_manifest
from sluice.destinations.base import Destination
from sluice.errors import FatalError
from sluice.filesystem import Opened, open_filesystem
from sluice.model.access import Connections
from sluice.runs.index import Index
from sluice.runs.record import Record

AT_ONCE = 50
"""Deliveries that one run removes at most: the first run with `retention` may find thousands."""
_SILENT = timedelta(days=1)
"""A process that has left a mark as a sender, and is older, is dead: a living one would have stopped long ago."""
_BESIDE = ("_SUCCESS", "model.json", "mapping.json")
_FRONTIER = "retired.json"


class Retired(BaseModel):
    """A delivery that was removed, or why it was not."""

    model_config = ConfigDict(frozen=True)

    run: str
    """Its Airflow run id."""
    manifest: str
    """The address of its manifest."""
    files: int = 0
    """The files that its manifest lists."""
    left: str = ""
    """Why it stays; empty if it was removed."""

    @property
    def sentence(self) -> str:
        """The result as a log line."""
        if self.left:
            return f"the old delivery of run {self.run} stays: {self.left} ({self.manifest})"
        return f"the old delivery of run {self.run} was removed: {self.files:,} files and {self.manifest}"


class Removing(BaseModel):
    """What is removed of one delivery: names at the destination, relative to the connection's folder."""

    model_config = ConfigDict(frozen=True)

    manifest: str
    parts: tuple[str, ...]


class Frontier(BaseModel):
    """How far an export's deliveries were removed. A lost update costs another look at them, and nothing else."""

    model_config = ConfigDict(frozen=True)

    until: AwareDatetime | None = None
    left: tuple[str, ...] = ()
    """The flow run ids of older deliveries that stayed."""


class StaysError(Exception):
    """A delivery is not removed, for a reason that concerns it alone; the next run tries again."""


class GoneError(StaysError):
    """Nothing of a delivery can be removed any more."""


def outdated(records: Sequence[Record], export: Export, now: datetime) -> list[Record]:
    """The deliveries that the export's `retention` does not keep, oldest first: never the last one. Of a run that has
    delivered more than once, such as a repeated backfill, its last delivery counts."""
    keep = export.retention
    if keep is None:
        return []
    last: dict[str, Record] = {}
    for one in sorted(records, key=lambda one: one.recorded):
        last[one.flow_run_id] = one
    ordered = sorted(last.values(), key=lambda one: one.recorded, reverse=True)
    regular = [one for one in ordered if not one.window]
    most = keep.deliveries or 1
    if len(regular) < most:
        return []
    until = regular[most - 1].recorded
    if keep.days is not None:
        until = min(until, now - timedelta(days=keep.days))
    return [one for one in reversed(ordered) if one.recorded < until and one is not regular[0]]


@dataclass
class Retirement:
    """The retention of one export, with the connection that it delivers to."""

    export: Export
    connection: Connection
    staging: Staging
    connections: Connections

    def __post_init__(self) -> None:
        self._own = delivered_before(self.staging, self.export.name, self.connections)
        folder = StagedRun.named(self.staging, self.export.name, "-").folder.removesuffix("/-")
        self._runs = open_filesystem(self.connections, self.staging.airflow_conn_id, folder)

    def due(self, now: datetime) -> list[Record]:
        """The deliveries that `retire` would try to remove, oldest first."""
        index = Index.of(self.staging, self.connections)
        index.refresh()
        frontier = self._frontier()
        return [
            one
            for one in outdated(index.published(self.export.name), self.export, now)
            if frontier.until is None or one.recorded > frontier.until or one.flow_run_id in frontier.left
        ]

    def retire(self, now: datetime, *, most: int = AT_ONCE) -> Iterator[Retired]:
        """Remove at most `most` deliveries that the retention does not keep. Yields each that was removed, and each
        that stays, the first time. Raises the errors of staging and of the destination."""
        known = self._frontier()
        left, until, removed = set(known.left), known.until, 0
        wanted = self.due(now)
        if not wanted:
            return
        with closing(opened(self.connection, self.connections)) as destination:
            for number, one in enumerate(wanted):
                if removed == most:
                    break
                left.discard(one.flow_run_id)
                try:
                    yield Retired(run=one.run, manifest=one.manifest, files=self._one(one, destination))
                    removed += 1
                except StaysError as stays:
                    if one.flow_run_id not in known.left:
                        yield Retired(run=one.run, manifest=one.manifest, left=str(stays))
                    left |= set() if isinstance(stays, GoneError) else {one.flow_run_id}
                left |= {other.flow_run_id for other in wanted[number + 1 :] if other.recorded == one.recorded}
                until = one.recorded if until is None else max(until, one.recorded)
                after = Frontier(until=until, left=tuple(sorted(left)))
                if after != known or removed:
                    self._own.write_bytes(_FRONTIER, after.model_dump_json().encode())

    def _frontier(self) -> Frontier:
        try:
            return Frontier.model_validate_json(self._own.find_bytes(_FRONTIER) or b"{}")
        except ValidationError:
            return Frontier()

    def _one(self, record: Record, destination: Destination) -> int:
        """Remove one delivery. Returns the number of its files. Raises `StaysError` if it has to stay."""
        run = self._runs.below(record.flow_run_id)
        removing = self._begun(record) or self._known(record, run, destination)
        if removing is not None:
            _lock(run)
            self._own.write_bytes(self._name(record), removing.model_dump_json().encode())
            _check_senders(run)
            destination.remove([removing.manifest])
            destination.remove(removing.parts)
            _tidy(removing.manifest, destination)
            self._own.remove([self._name(record)])
        self._runs.remove([f"{record.flow_run_id}/plan.json"])  # first: without a plan, no process uses the rest
        self._runs.remove_tree(record.flow_run_id)
        return len(removing.parts) if removing else 0

    def _name(self, record: Record) -> str:
        return f"retiring/{record.flow_run_id}.json"

    def _begun(self, record: Record) -> Removing | None:
        body = self._own.find_bytes(self._name(record))
        return None if body is None else Removing.model_validate_json(body)

    def _known(self, record: Record, run: Opened, destination: Destination) -> Removing | None:
        """What the manifest lists, if everything about it is as its record says; None if a process died when it had
        removed everything but the run's staging."""
        root = destination.locate("-").removesuffix("-")
        if record.connection != self.connection.name or not record.manifest.startswith(root):
            raise StaysError("it was delivered to another connection or folder than the export delivers to now")
        if not self.connection.destination.stays:
            raise StaysError("the connection does not keep files that can be checked")
        name = record.manifest.removeprefix(root)
        if destination.stat(name) is None:
            if RunLog(run.below("log")).state().act == "dropping":
                return None
            raise GoneError("its manifest is gone, so its files are unknown")
        try:
            manifest = read_manifest(name, destination)
        except FatalError as unreadable:
            raise StaysError(unreadable.what) from unreadable
        said = manifest.export, manifest.connection, manifest.flowRunId
        if said != (self.export.name, record.connection, record.flow_run_id):
            raise StaysError("its manifest is of another delivery")
        parts = tuple(part.path for part in manifest.exportResults)
        if not all(manifest.flowRunId in part for part in parts):
            raise StaysError("its manifest lists files of other deliveries")
        return Removing(manifest=name, parts=parts)


def _lock(run: Opened) -> None:
    """Append `dropping` to the run's log, so that no process touches its parts any more."""
    log = RunLog(run.below("log"))
    state = log.state()
    if state.act == "dropping":
        return
    closed = state.act == "published" and state.closed and not state.removers
    unknown = state.act is None and not run.exists("plan.json")
    if not (closed or unknown) or log.append(state, Entry(act="dropping", by=uuid4().hex)) is None:
        raise StaysError("its run is not over yet; the next run tries again")


def _check_senders(run: Opened) -> None:
    """Raise `StaysError` if a process may be sending: it began before the log was locked, and stops within seconds."""
    now = datetime.now(UTC)
    marks = run.below("sending")
    if any(now - marks.written_at(file) < _SILENT for file in marks.list()):
        raise StaysError("a process may still be sending its files; the next run tries again")


def _tidy(manifest: str, destination: Destination) -> None:
    """Remove the documents beside the manifest, unless other files share their folder: they belong to the last delivery
    that was made there. Logs of runs stay: they are no part of any delivery."""
    folder = manifest.rpartition("/")[0]
    beside = [f"{folder}/{name}".lstrip("/") for name in _BESIDE]
    found: list[str] = []
    for stored in destination.list(folder):
        if stored.name in beside:
            found.append(stored.name)
        elif not stored.name.endswith(".log"):
            return
    destination.remove(found)
