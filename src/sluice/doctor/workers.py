"""What each worker has noted about itself in staging: `workers/<host>.json`.

Airflow cannot start a task on every worker, so no probe reaches all of them. Instead, the tasks `extract` and `upload`
leave a note wherever they run. A worker without a note does not see this staging folder, or has run no task.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from typing import NamedTuple

from pydantic import AwareDatetime, BaseModel, ConfigDict

from sluice.definition.models.project import Staging
from sluice.delivery.report.report import versions
from sluice.doctor.machine import memory, temporary
from sluice.filesystem import File, Opened, open_filesystem
from sluice.memory import cores
from sluice.model.access import Connections

KEPT = timedelta(days=7)
"""Notes that are older are removed: in Kubernetes, every task has a host of its own."""
PODS = 10
"""Pods that stand for all of them."""
_AT_ONCE = 16
_SINCE = "since/first-note"
_PLAIN = re.compile(r"[a-z0-9][a-z0-9.-]{0,62}")


class Timeouts(BaseModel):
    """Settings of Airflow that exports depend on, as the process that read them sees them; None if unknown."""

    model_config = ConfigDict(frozen=True)

    executor: str = ""
    at_once: int | None = None
    """The most tasks that one worker runs at the same time."""
    dagbag_import_timeout: float | None = None
    dag_file_processor_timeout: float | None = None
    task_instance_heartbeat_timeout: float | None = None
    max_map_length: int | None = None
    visibility_timeout: float | None = None
    """Of the Celery broker."""


class Worker(BaseModel):
    """A worker, when its last task of an export began."""

    model_config = ConfigDict(frozen=True)

    host: str
    at: AwareDatetime
    """By its own clock."""
    task: str
    """Which task that was: `export people, run manual__1, extract`."""
    versions: Mapping[str, str] = {}
    cores: int = 0
    memory: int = 0
    """Bytes that its processes may use; 0 if unknown."""
    free: int = 0
    """Free bytes of memory."""
    temporary: str = ""
    """The folder that SQL engines spill to."""
    disk: int = 0
    """Free bytes there."""
    airflow: Timeouts = Timeouts()


class Seen(NamedTuple):
    """A worker's note, and when staging stored it, by the store's clock."""

    worker: Worker
    stored: datetime

    @property
    def ahead(self) -> float:
        """Seconds by which the worker's clock is ahead of the store's, between the two of them."""
        return (self.worker.at - self.stored).total_seconds()


def current(seen: Sequence[Seen]) -> list[Seen]:
    """The notes of workers that may still run tasks. In Kubernetes a task's worker ends with it, so the last few pods
    stand for the next ones; without this, an upgrade would be a week of warnings about pods that are gone."""
    pods = [one for one in seen if "Kubernetes" in one.worker.airflow.executor]
    gone = sorted(pods, key=lambda one: one.stored, reverse=True)[PODS:]
    return [one for one in seen if one not in gone]


def this_worker(host: str, task: str, airflow: Timeouts, now: datetime | None = None) -> Worker:
    """The worker that this process runs on. `host` is its name as Airflow records it."""
    folder, disk = temporary()
    total, free = memory()
    return Worker(
        host=host,
        at=now or datetime.now(UTC),
        task=task,
        versions=versions(),
        cores=cores(),
        memory=total,
        free=free,
        temporary=folder,
        disk=disk,
        airflow=airflow,
    )


class Workers:
    """The notes in one staging folder."""

    def __init__(self, opened: Opened) -> None:
        self._opened = opened

    @classmethod
    def of(cls, staging: Staging, connections: Connections) -> Workers:
        return cls(open_filesystem(connections, staging.airflow_conn_id, f"{staging.path}/workers".lstrip("/")))

    def note(self, worker: Worker) -> Seen | None:
        """Replace the worker's note. Returns it with the store's time; None if another task has removed it since."""
        self._opened.write_bytes(_file(worker.host), worker.model_dump_json(indent=1).encode() + b"\n")
        if not self._opened.exists(_SINCE):
            self._opened.create(_SINCE, b"")
        stored = self._opened.stat(_file(worker.host))
        return None if stored is None else Seen(worker, self._opened.written_at(stored))

    def since(self) -> datetime | None:
        """When the first note was left, by the store's clock; None if there was none."""
        first = self._opened.stat(_SINCE)
        return None if first is None else self._opened.written_at(first)

    def seen(self) -> Sequence[Seen]:
        """Every note that can be read, by host. Notes of other versions of Sluice may lack values."""
        with ThreadPoolExecutor(_AT_ONCE, thread_name_prefix="notes") as threads:
            found = [one for one in threads.map(self._seen, self._notes()) if one is not None]
        return sorted(found, key=lambda one: one.worker.host)

    def _seen(self, file: File) -> Seen | None:
        body = self._opened.find_bytes(file.name)
        try:
            return None if body is None else Seen(Worker.model_validate_json(body), self._opened.written_at(file))
        except ValueError:
            return None

    def forget(self, now: datetime) -> None:
        """Remove the notes of workers that have not been seen for long."""
        old = [file.name for file in self._notes() if now - self._opened.written_at(file) > KEPT]
        self._opened.remove(old)

    def _notes(self) -> list[File]:
        return [file for file in self._opened.list() if file.name.endswith(".json")]


def _file(host: str) -> str:
    """A file name for a host, safe in every store and different for different hosts."""
    if _PLAIN.fullmatch(host):
        return f"{host}.json"
    digest = hashlib.sha256(host.encode("utf-8", "surrogateescape")).hexdigest()[:12]
    return f"{re.sub(r'[^a-z0-9.-]+', '-', host.lower())[:40].strip('.-')}-{digest}.json"
