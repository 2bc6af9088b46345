"""What a schedule by the clock does next, by the runs in Airflow's database: the DAG processor's own steps."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from itertools import count
from pathlib import Path
from typing import Any

import pytest
from airflow.models.dag import DagModel
from airflow.models.dagbag import DBDagBag
from airflow.utils.session import create_session
from airflow.utils.types import DagRunTriggeredByType, DagRunType

from sluice.airflow.dags import export_dags
from tests.builders import World
from tests.unit.airflow.scheduler import make_tables, store

pytestmark = pytest.mark.slow
NUMBERS = count()
FILES = {
    "catalog/datasets.yaml": """
        people: {kind: profile, key: id, source: {type: parquet, airflow_conn_id: lake, path: people}}
        """,
    "connections/out.yaml": "{type: local, airflow_conn_id: out}",
}
SCHEDULED, BACKFILL, MANUAL = DagRunType.SCHEDULED, DagRunType.BACKFILL_JOB, DagRunType.MANUAL
RUNS: dict[str, tuple[list[tuple[DagRunType, int]], int]] = {
    # the runs, by how many ticks before the last one; the next run, in ticks after the last one
    "new": ([], 1),
    "new, started by hand": ([(MANUAL, 1)], 1),
    "new, a backfill ended one tick ago": ([(BACKFILL, 2), (BACKFILL, 1)], 1),
    "new, a backfill of the last tick": ([(BACKFILL, 1), (BACKFILL, 0)], 1),
    "off for long, a backfill ended one tick ago": ([(SCHEDULED, 9), (BACKFILL, 1)], 1),
    "off for long": ([(SCHEDULED, 9)], 1),
    "off over two ticks": ([(SCHEDULED, 2)], 1),
    "off over one tick": ([(SCHEDULED, 1)], 0),
    "off over one tick, an older backfill": ([(SCHEDULED, 1), (BACKFILL, 3)], 0),
    "on time": ([(SCHEDULED, 1), (SCHEDULED, 0)], 1),
}


@pytest.fixture(scope="module", autouse=True)
def tables() -> None:
    make_tables()


class Clock:
    """An export of every hour, whose last tick is half an hour ago."""

    def __init__(self, folder: Path) -> None:
        self.world = World(folder)
        self.name = f"clock_{next(NUMBERS)}"
        self.last = (datetime.now(UTC) - timedelta(minutes=30)).replace(second=0, microsecond=0)

    def declare(self, *, enabled: bool = True) -> None:
        schedule = f"{{cron: {self.last.minute} * * * *, start: 2025-01-01, end: 2030-12-31}}"
        text = f"kind: dataset-export\nconnection: out\ndatasets: [people]\nenabled: {str(enabled).lower()}\n"
        self.world.declare(FILES | {f"exports/{self.name}.yaml": f"{text}schedule: {schedule}\n"})
        (dag,) = export_dags(self.world.include, f"export__{self.name}")
        store(dag)

    def ran(self, run_type: DagRunType, ticks: int) -> None:
        due = self.last - timedelta(hours=ticks)
        with create_session() as session:
            dag: Any = DBDagBag().get_latest_version_of_dag(f"export__{self.name}", session=session)
            dag.create_dagrun(
                run_id=run_type.generate_run_id(suffix=due.isoformat()),
                logical_date=due,
                data_interval=(due, due),
                run_after=due,
                run_type=run_type,
                triggered_by=DagRunTriggeredByType.TEST,
                state="success",
                session=session,
            )

    @property
    def next(self) -> datetime | None:
        """What the scheduler will start next."""
        with create_session() as session:
            dag: Any = session.get(DagModel, f"export__{self.name}")
            found: datetime | None = dag.next_dagrun
            return found


@pytest.mark.parametrize("what", RUNS)
def test_the_next_run_after(tmp_path: Path, what: str) -> None:
    runs, ticks = RUNS[what]
    clock = Clock(tmp_path)
    clock.declare()
    for run_type, before in runs:
        clock.ran(run_type, before)
    clock.declare()
    assert clock.next == clock.last + timedelta(hours=ticks)


@pytest.mark.parametrize(("before", "ticks"), [(1, 0), (2, 1)])
def test_an_export_that_is_enabled_again(tmp_path: Path, before: int, ticks: int) -> None:
    clock = Clock(tmp_path)
    clock.declare()
    clock.ran(SCHEDULED, before)
    clock.declare(enabled=False)
    assert clock.next is None
    clock.declare()
    assert clock.next == clock.last + timedelta(hours=ticks)
