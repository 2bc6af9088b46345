"""A clock schedule as an Airflow timetable: anchored, and without an unexpected run when it is switched on.

Airflow's own cron timetable runs the most recent past time as soon as a DAG with a past start is enabled. It also has
no rule for the last day of a month that lacks, for example, the 30th. `sluice.airflow.plugin` registers this class in
every process that reads DAGs.
"""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from airflow.timetables.base import DagRunInfo, DataInterval, Timetable

from sluice.definition.models.ticks import Ticks

if TYPE_CHECKING:
    from airflow.timetables.base import TimeRestriction
    from pendulum import DateTime

    from sluice.airflow.private import DagRun


class _Backfill(DagRunInfo):
    """The last run, if it is part of a backfill: Airflow counts those as scheduled runs."""

    __slots__ = ()


class ClockTimetable(Timetable):
    """Runs at the times of `crons` in a time zone, described by `says`. The data interval of each run is the moment at
    which it is due."""

    def __init__(self, crons: tuple[str, ...], says: str, zone: str = "UTC") -> None:
        self.crons = crons
        self.zone = zone
        self.says = says
        self.description = says

    @property
    def summary(self) -> str:
        return self.says

    def serialize(self) -> dict[str, Any]:
        return {"crons": list(self.crons), "says": self.says, "zone": self.zone}

    @classmethod
    def deserialize(cls, data: dict[str, Any]) -> ClockTimetable:
        return cls(tuple(data["crons"]), data["says"], data.get("zone", "UTC"))

    def infer_manual_data_interval(self, *, run_after: DateTime) -> DataInterval:
        return DataInterval.exact(run_after)

    def run_info_from_dag_run(self, *, dag_run: DagRun) -> DagRunInfo:
        info = super().run_info_from_dag_run(dag_run=dag_run)
        return _Backfill(*info) if dag_run.run_type == "backfill" else info

    def next_dagrun_info_v2(
        self, *, last_dagrun_info: DagRunInfo | None, restriction: TimeRestriction
    ) -> DagRunInfo | None:
        last = last_dagrun_info.run_after if last_dagrun_info else None
        return self._next(last, restriction, asked=isinstance(last_dagrun_info, _Backfill))

    def next_dagrun_info(
        self, *, last_automated_data_interval: DataInterval | None, restriction: TimeRestriction
    ) -> DagRunInfo | None:
        last = last_automated_data_interval.end if last_automated_data_interval else None
        return self._next(last, restriction, asked=False)

    def _next(self, last: datetime | None, restriction: TimeRestriction, *, asked: bool) -> DagRunInfo | None:
        """The next run. A backfill sets `catchup`, and gets every time between its dates."""
        ticks = Ticks(self.crons, restriction.earliest, restriction.latest, self.zone)
        if not restriction.catchup:
            found = ticks.due(last, datetime.now(UTC), asked=asked)
        else:
            found = ticks.after(last) if last else ticks.first()
        return DagRunInfo.exact(_pendulum(found)) if found else None


def _pendulum(moment: datetime) -> DateTime:
    from airflow.sdk.timezone import coerce_datetime

    return coerce_datetime(moment)
