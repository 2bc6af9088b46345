"""Runs that have started and whose end is not reported: `deliveries/<export>/begun/` in staging.

The first task of a run writes a file there. The last task removes it, once it has reported how the run ended and
notified the receivers. If Airflow ended the run without that task, or its machine died, the next run finds the file.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import datetime

from pydantic import BaseModel, ConfigDict

from sluice.definition.models.project import Staging
from sluice.delivery.commit.run_log import RunLog
from sluice.delivery.report.ending import Ending
from sluice.delivery.report.history import History
from sluice.delivery.report.report import Report
from sluice.delivery.staging import StagedRun, delivered_before
from sluice.model.access import Connections

_SILENT = (
    "this run did not report how it ended: Airflow ended it without its last task, or its machine died\n"
    "  next: check the run in Airflow; the next run delivers its rows, or clear it"
)


class Begun(BaseModel):
    """A run that has started."""

    model_config = ConfigDict(frozen=True)

    run_id: str
    flow_run_id: str
    backfill: bool = False


class Beginnings:
    """The runs of one export that have started and whose end is not reported."""

    def __init__(self, staging: Staging, export: str, connections: Connections) -> None:
        self._staging, self._export, self._connections = staging, export, connections
        self._opened = delivered_before(staging, export, connections).below("begun")

    def add(self, run: Begun) -> None:
        self._opened.write_bytes(_name(run.flow_run_id), run.model_dump_json().encode())

    def remove(self, flow_run_id: str) -> None:
        self._opened.remove([_name(flow_run_id)])

    def over(self, ended: Callable[[str], bool], now: datetime, *, but: str = "") -> Iterator[tuple[Begun, Ending]]:
        """The runs that are over, with their endings; `ended` says for an Airflow run id whether the run is over.
        Records the report of a run that has none. Removes each run when the caller asks for the next one. A decided run
        stays until it is published. `but` is the flow run id of the calling run, which is skipped."""
        for file in self._opened.list():
            body = self._opened.find_bytes(file.name) if file.name != _name(but) else None
            run = None if body is None else Begun.model_validate_json(body)
            if run is not None and ended(run.run_id) and (ending := self._ending(run, now)) is not None:
                yield run, ending
                self.remove(run.flow_run_id)

    def _ending(self, run: Begun, now: datetime) -> Ending | None:
        history = History(self._staging, self._export, self._connections)
        known = history.find(run.flow_run_id)
        if known is not None and known.run == run.run_id and known.outcome != "unknown":
            return Ending(known.outcome, known.why)
        staged = StagedRun.named(self._staging, self._export, run.flow_run_id).open(self._connections)
        if RunLog(staged.opened.below("log")).state().decided:
            return None
        history.keep(
            Report(
                export=self._export,
                run=run.run_id,
                flow_run_id=run.flow_run_id,
                outcome="failed",
                why=_SILENT,
                ended_at=now.isoformat(timespec="seconds"),
            )
        )
        return Ending("failed", _SILENT)


def _name(flow_run_id: str) -> str:
    return f"{flow_run_id}.json"
