"""Runs that have begun and have not said how they ended: `deliveries/<export>/begun/` in staging.

A run writes its name there with its first task, and its last task takes it out once it has reported and told how the
run ended. If Airflow ended the run without that task, or its machine died, the next run finds the name.
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
    "nothing has said how this run ended: Airflow ended it without its last task, or its machine died\n"
    "  next: open the run; the next one delivers what it should have, or clear it"
)


class Begun(BaseModel):
    """A run that has begun."""

    model_config = ConfigDict(frozen=True)

    run_id: str
    flow_run_id: str
    backfill: bool = False


class Beginnings:
    """Those of one export."""

    def __init__(self, staging: Staging, export: str, connections: Connections) -> None:
        self._staging, self._export, self._connections = staging, export, connections
        self._opened = delivered_before(staging, export, connections).below("begun")

    def add(self, run: Begun) -> None:
        self._opened.write_bytes(_name(run.flow_run_id), run.model_dump_json().encode())

    def remove(self, flow_run_id: str) -> None:
        self._opened.remove([_name(flow_run_id)])

    def over(self, ended: Callable[[str], bool], now: datetime, *, but: str = "") -> Iterator[tuple[Begun, Ending]]:
        """The runs that are over, as `ended` says of their ids, with what they have come to; what was not reported is
        reported now. Each goes once the caller asks for the next. A run that is decided stays until someone publishes
        it. `but` is the flow run id of whoever asks."""
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
