"""What `sluice doctor` asks a running Airflow: its pools, its processes, its clock and its workers."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from http import HTTPStatus
from typing import Any
from urllib.parse import quote

from sluice.airflow.names import dag_id
from sluice.airflow.rest import RefusedError, Rest
from sluice.doctor.check import Check, error, many, ok, warning
from sluice.doctor.clocks import Clock, http_clock
from sluice.doctor.workers import KEPT

_TASKS = "dags/~/dagRuns/~/taskInstances/list"
_NOTING = ("extract", "upload")
"""The tasks that leave a note about their worker."""
_QUEUED = timedelta(minutes=5)
"""How long a task may wait for a worker before that is reported."""
_PROCESSES = ("metadatabase", "scheduler", "dag_processor", "triggerer")
_HOSTS = 1000
"""The last tasks whose workers are compared with the notes."""


@dataclass(frozen=True)
class Asked:
    """One Airflow, and the exports that it should run."""

    rest: Rest
    exports: Sequence[str]
    """Their names."""

    def processes(self) -> Iterator[Check]:
        """Whether Airflow's processes are alive."""
        health = self.rest.health()
        dead = [name for name in _PROCESSES if (health.get(name) or {}).get("status") not in ("healthy", None)]
        if "triggerer" not in dead and (health.get("triggerer") or {}).get("status") is None:
            dead.append("triggerer")  # Airflow runs without one, and exports do not
        for name in dead:
            last = (health.get(name) or {}).get(f"latest_{name}_heartbeat") or "never"
            yield error("airflow", f"no {name} is alive; last heartbeat: {last}", f"start `airflow {_command(name)}`")
        if not dead:
            yield ok("airflow", f"{self.rest.url} answers; its scheduler, DAG processor and triggerer are alive")

    def clocks(self) -> Iterator[Clock]:
        """The clocks of the API server and of the scheduler, which only shows if it is ahead: one that is behind looks
        dead."""
        answer = self.rest.fetch("/api/v2/version")
        now = datetime.now(UTC)
        if (server := http_clock("Airflow's API server", answer.headers.get("Date", ""), now)) is not None:
            yield server
        beat = (self.rest.health().get("scheduler") or {}).get("latest_scheduler_heartbeat")
        if beat is not None:
            ahead = (datetime.fromisoformat(beat) - datetime.now(UTC)).total_seconds()
            yield Clock("Airflow's scheduler", max(0.0, ahead))

    def pools(self, wanted: Mapping[str, int]) -> Iterator[Check]:
        """Whether the pools of the connections exist, with the declared slots."""
        found = {name: self._slots(name) for name in wanted}
        advice = "sluice pools > pools.json && sluice airflow pools import pools.json"
        for name, slots in found.items():
            if slots is None:
                yield error("pools", f"there is no pool {name}: uploads that need it wait for ever", advice)
            elif slots != wanted[name]:
                yield warning("pools", f"pool {name} has {slots} slots, and {wanted[name]} are declared", advice)
        if wanted and all(slots == wanted[name] for name, slots in found.items()):
            yield ok("pools", ", ".join(f"{name} with {slots} slots" for name, slots in found.items()))

    def queue(self) -> Iterator[Check]:
        """Whether tasks of exports wait for a worker that does not come."""
        now = datetime.now(UTC)
        waiting = [one for one in self._tasks({"state": ["queued"]}) if _age(one["queued_when"], now) > _QUEUED]
        if waiting:
            first = min(waiting, key=lambda one: str(one["queued_when"]))
            minutes = _age(first["queued_when"], now) // timedelta(minutes=1)
            yield error(
                "workers",
                f"{many(len(waiting), 'task')} of exports queued for a worker, for {minutes} minutes: first"
                f" {first['dag_id']} {first['task_id']}",
                "check that the broker and the workers are alive; nothing is lost: the tasks run when a worker takes"
                " them, or Airflow retries them after [scheduler] task_queued_timeout",
            )

    def hosts(self, since: datetime) -> set[str]:
        """The hosts that have begun tasks which leave a note, since then and within the time that notes are kept."""
        begun = max(since, datetime.now(UTC) - KEPT + timedelta(days=1)).isoformat()
        body = {"task_ids": [*_NOTING], "start_date_gte": begun, "state": ["success"], "order_by": "-end_date"}
        return {one["hostname"] for one in self._tasks(body) if one["hostname"]}

    def parse(self) -> float | None:
        """Seconds of the last parse of the exports' DAG file; None if no export is in Airflow yet."""
        for export in self.exports[:1]:
            try:
                found = self.rest.get(f"dags/{quote(dag_id(export))}")
            except RefusedError as refused:
                if refused.status != HTTPStatus.NOT_FOUND:
                    raise
                return None
            seconds: float | None = found.get("last_parse_duration")
            return seconds
        return None

    def _slots(self, pool: str) -> int | None:
        try:
            return int(self.rest.get(f"pools/{quote(pool, safe='')}")["slots"])
        except RefusedError as refused:
            if refused.status != HTTPStatus.NOT_FOUND:
                raise
            return None

    def _tasks(self, body: dict[str, Any]) -> list[dict[str, Any]]:
        if not self.exports:
            return []
        wanted = body | {"dag_ids": [dag_id(name) for name in self.exports]}
        found: list[dict[str, Any]] = []
        for one in self.rest.every_posted(_TASKS, "task_instances", wanted):
            found.append(one)
            if len(found) == _HOSTS:
                break
        return found


def _age(since: str | None, now: datetime) -> timedelta:
    return now - datetime.fromisoformat(since) if since else timedelta(0)


def _command(process: str) -> str:
    return "db check" if process == "metadatabase" else process.replace("_", "-")
