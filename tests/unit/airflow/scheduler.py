"""Airflow's own scheduling of one DAG's runs, over a scratch database: everything but its processes and workers.

Airflow decides which task is next, what a mark does to the others, and what a run's state is. A test says what a task
comes to; `finish` is the real one.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any
from unittest import mock

import pytest
from airflow import settings
from airflow.models import import_all_models
from airflow.models.base import Base
from airflow.models.dagbag import DBDagBag
from airflow.models.dagrun import DagRun
from airflow.models.taskinstance import TaskInstance
from airflow.sdk import DAG, BaseXCom
from airflow.sdk.exceptions import AirflowFailException, AirflowSkipException
from airflow.sdk.execution_time.context import set_current_context
from airflow.utils.session import create_session
from airflow.utils.types import DagRunTriggeredByType, DagRunType

BUNDLE = "dags-folder"
ENDED = ("success", "failed")
TURNS = 30
BEFORE = "before"
"""An act before any task begins."""
Act = Callable[["Scheduled"], str]
"""What a task does: the state in which it ends; empty if it goes on."""


def make_tables() -> None:
    """Airflow's tables in the database of the tests' own home. Made again, they are as they were."""
    import_all_models()
    Base.metadata.create_all(settings.engine)
    from airflow.dag_processing.bundles.manager import DagBundlesManager
    from airflow.utils.db import synchronize_log_template

    synchronize_log_template()
    DagBundlesManager().sync_bundles_to_db()


def store(dag: DAG) -> None:
    """Write a DAG as the DAG processor does, however soon it has changed."""
    from airflow.dag_processing.collection import update_dag_parsing_results_in_db
    from airflow.serialization.serialized_objects import LazyDeserializedDAG

    dag.fileloc, dag.relative_fileloc = "dags/exports.py", "exports.py"
    lazy = LazyDeserializedDAG.from_dag(dag)
    at_once = {"AIRFLOW__CORE__MIN_SERIALIZED_DAG_UPDATE_INTERVAL": "0"}
    with mock.patch.dict(os.environ, at_once), create_session() as session:
        update_dag_parsing_results_in_db(BUNDLE, None, [lazy], {}, None, set(), session=session)


@dataclass
class Scheduled:
    """One run of a stored DAG."""

    dag: DAG
    acts: Mapping[str, Act]
    """By task; one without an act succeeds."""
    conf: dict[str, Any] = field(default_factory=dict)
    xcoms: dict[tuple[str, str], Any] = field(default_factory=dict)
    run_id: str = "manual__1"
    shards: int = 2
    woken: list[Any] = field(default_factory=list)
    """The assets that `finish` has updated."""

    def run(self) -> str:
        """Create the run, and schedule until it has ended; its state then."""
        with create_session() as session:
            serialised: Any = DBDagBag().get_latest_version_of_dag(self.dag.dag_id, session=session)
            serialised.create_dagrun(
                run_id=self.run_id,
                run_after=datetime.now(UTC),
                run_type=DagRunType.MANUAL,
                triggered_by=DagRunTriggeredByType.TEST,
                state="running",
                conf=self.conf,
                session=session,
            )
        self.acts.get(BEFORE, lambda _: "")(self)
        return self.go_on()

    def go_on(self) -> str:
        """Schedule until the run has ended; its state then."""
        for _ in range(TURNS):
            if self.state in ENDED:
                return self.state
            self._turn()
        raise AssertionError(f"the run goes on: {self.states}")

    def _turn(self) -> None:
        """One turn of the scheduler."""
        with create_session() as session:
            run = self._dag_run(session)
            run.dag = DBDagBag().get_dag_for_run(run, session=session)
            ready, _ = run.update_state(session=session, execute_callbacks=False)
            names = [(ti.task_id, ti.map_index) for ti in ready]
        for task_id, index in names:
            self._play(task_id, index)

    def _play(self, task_id: str, index: int) -> None:
        self.set(task_id, "running", index)
        if task_id == "chunk":
            self._map()
        state = self._finish() if task_id == "finish" else self.acts.get(task_id, lambda _: "success")(self)
        if state and self.states[_name(task_id, index)] == "running":
            self.set(task_id, state, index)

    def _map(self) -> None:
        from airflow.models.taskmap import TaskMap

        with create_session() as session:
            session.merge(
                TaskMap(
                    dag_id=self.dag.dag_id,
                    task_id="chunk",
                    run_id=self.run_id,
                    map_index=-1,
                    length=self.shards,
                    keys=None,
                )
            )

    def _finish(self) -> str:
        task: Any = self.dag.get_task("finish")
        return self.execute(task)

    def execute(self, task: Any) -> str:
        """What a task does in a worker: the state in which it ends."""
        with create_session() as session:
            run = self._dag_run(session)
            session.expunge(run)
        ti = Ti(self, task.task_id)
        context: Any = {"ti": ti, "run_id": self.run_id, "dag_run": run, "outlet_events": Outlets(task, ti)}
        try:
            with set_current_context(context):
                task.execute(context)
        except AirflowSkipException:
            return "skipped"
        except AirflowFailException:
            return "failed"
        return "success"

    def time_out(self) -> None:
        """What the scheduler does at a DAG's `dagrun_timeout`: the last task does not run either."""
        with create_session() as session:
            for ti in session.query(TaskInstance).filter_by(dag_id=self.dag.dag_id, run_id=self.run_id):
                if str(ti.state) not in ("success", "failed", "skipped", "upstream_failed"):
                    ti.set_state("skipped", session=session)
            self._dag_run(session).set_state("failed")

    def mark(self, state: str) -> None:
        """What someone does who marks the run."""
        from airflow.api.common import mark_tasks

        with create_session() as session:
            run = self._dag_run(session)
            serialised: Any = DBDagBag().get_dag_for_run(run, session=session)
            set_state = {
                "failed": mark_tasks.set_dag_run_state_to_failed,
                "success": mark_tasks.set_dag_run_state_to_success,
            }[state]
            set_state(dag=serialised, run_id=self.run_id, commit=True, session=session)

    def clear(self, acts: Mapping[str, Act]) -> str:
        """Clear the whole run, whose tasks do something else now."""
        self.acts = acts
        with create_session() as session:
            serialised: Any = DBDagBag().get_dag_for_run(self._dag_run(session), session=session)
            serialised.clear(run_id=self.run_id, session=session)
        self.xcoms.clear()
        return self.go_on()

    def set(self, task_id: str, state: str | None, index: int = -1) -> None:
        with create_session() as session:
            ti = session.query(TaskInstance).filter_by(
                dag_id=self.dag.dag_id, run_id=self.run_id, task_id=task_id, map_index=index
            )
            ti.one().set_state(state, session=session)

    @property
    def state(self) -> str:
        with create_session() as session:
            return str(self._dag_run(session).state)

    @property
    def states(self) -> dict[str, str]:
        with create_session() as session:
            found = session.query(TaskInstance).filter_by(dag_id=self.dag.dag_id, run_id=self.run_id)
            return {_name(ti.task_id, ti.map_index): str(ti.state) for ti in found}

    def _dag_run(self, session: Any) -> Any:
        return session.query(DagRun).filter_by(dag_id=self.dag.dag_id, run_id=self.run_id).one()


@dataclass
class Ti:
    """What a task asks of its own task instance."""

    scheduled: Scheduled
    task_id: str
    try_number: int = 1
    max_tries: int = 0

    @property
    def dag_id(self) -> str:
        return self.scheduled.dag.dag_id

    @property
    def run_id(self) -> str:
        return self.scheduled.run_id

    def xcom_push(self, key: str, value: Any) -> None:
        self.scheduled.xcoms[self.task_id, key] = value

    def add(self, asset: Any, extra: dict[str, Any]) -> None:
        """An event of an outlet."""
        self.scheduled.woken.append((asset.name, extra["outcome"]))

    def get_dagrun_state(self, dag_id: str, run_id: str) -> str:
        return "success"

    def get_task_states(self, dag_id: str, run_ids: list[str]) -> dict[str, dict[str, str]]:
        return dict.fromkeys(run_ids, self.scheduled.states)


@dataclass
class Outlets:
    """The events of a task's outlets: Airflow ignores those of anything that is not an outlet when the task has
    succeeded."""

    task: Any
    ti: Ti

    def __getitem__(self, alias: Any) -> Ti:
        assert alias in self.task.outlets
        return self.ti


def _name(task_id: str, index: int) -> str:
    return task_id if index < 0 else f"{task_id}_{index}"


@contextmanager
def answering(scheduled: Scheduled, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Answers what a worker would ask of Airflow's API about this run."""

    def get_one(*, key: str, task_id: str, map_index: int = -1, **_: Any) -> Any:
        return scheduled.xcoms.get((_name(task_id, map_index), key))

    with monkeypatch.context() as patched:
        patched.setattr(BaseXCom, "get_one", staticmethod(get_one))
        yield
