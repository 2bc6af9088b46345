"""The tasks of an export, each run by Airflow's own task runner in this process, and what it asks Airflow meanwhile."""

from __future__ import annotations

import json
import os
import signal
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from unittest import mock
from uuid import uuid4

import structlog
from airflow.sdk.api.datamodels._generated import DagRun, TIRunContext
from airflow.sdk.exceptions import ErrorType
from airflow.sdk.execution_time import comms, task_runner
from airflow.sdk.execution_time.comms import ErrorResponse, OKResponse

from sluice.airflow.dags import export_dags
from tests.builders import World

NAMED = ("conn_id", "task_id", "key")
"""What tells two messages of the same kind apart."""
UNHEARD = ("MaskSecret", "SucceedTask", "TaskState", "RetryTask")
"""What the supervisor does itself, and how a task ends: every task says that."""


@dataclass
class Supervised:
    """Runs of an export, and the process above its tasks: it answers them, and notes every request that it would send
    to Airflow's API server."""

    world: World
    export: str
    asked: list[str] = field(default_factory=list)
    xcoms: dict[tuple[str, str], Any] = field(default_factory=dict)
    kept: dict[str, Any] = field(default_factory=dict)
    """The state stores of tasks."""
    states: dict[str, str] = field(default_factory=dict)
    ends: dict[str, Any] = field(default_factory=dict)
    """How each task has reported its end."""

    def run(self, run_id: str) -> dict[str, list[str]]:
        """What each task of a run asks."""
        for values in (self.xcoms, self.kept, self.states, self.ends):
            values.clear()
        tasks = ("wait_for_refreshes", "extract", "chunk", "upload", "publish", "finish")
        return {task: self.task(run_id, task) for task in tasks}

    def task(self, run_id: str, task_id: str) -> list[str]:
        """What one task asks, from its start to its end, in order."""
        self.asked.clear()
        (dag,) = export_dags(self.world.include, f"export__{self.export}")
        now = datetime.now(UTC)
        none = ("logical_date", "data_interval_start", "data_interval_end", "end_date", "partition_key")
        run = DagRun(
            dag_id=dag.dag_id,
            run_id=run_id,
            run_after=now,
            start_date=now,
            run_type="manual",
            state="running",
            consumed_asset_events=[],
            **dict.fromkeys(none),
        )
        ti = task_runner.RuntimeTaskInstance.model_construct(
            id=uuid4(),
            dag_id=dag.dag_id,
            run_id=run_id,
            task_id=task_id,
            task=dag.task_dict[task_id],
            map_index=0 if task_id == "upload" else -1,
            try_number=1,
            max_tries=2,
            start_date=now,
            _ti_context_from_server=TIRunContext(dag_run=run, max_tries=2),
        )
        with self._above():
            context, log = ti.get_template_context(), structlog.get_logger()
            state, end, error = task_runner.run(ti, context, log)
            task_runner.finalize(ti, state, context, log, error)
        self.ends[task_id] = end
        self.states["upload_0" if task_id == "upload" else task_id] = str(state.value)
        return list(self.asked)

    @contextmanager
    def _above(self) -> Iterator[None]:
        stopped = signal.getsignal(signal.SIGTERM)
        comms_of_task = mock.patch.object(task_runner, "SUPERVISOR_COMMS", self, create=True)
        with mock.patch.dict(os.environ), comms_of_task:
            yield
        signal.signal(signal.SIGTERM, stopped)

    def send(self, msg: Any) -> Any:
        """The answer to a message of a task."""
        kind = type(msg).__name__
        if kind not in UNHEARD:
            self.asked.append(" ".join([kind, *(str(getattr(msg, name)) for name in NAMED if hasattr(msg, name))]))
        answer = getattr(self, f"_{kind}", None)
        return answer(msg) if answer else OKResponse(ok=True)

    def _GetConnection(self, msg: Any) -> Any:  # noqa: N802 - Airflow's names
        extra = json.dumps({"path": str(self.world.root / msg.conn_id)})
        empty = dict.fromkeys(("host", "schema", "login", "password", "port"))
        return comms.ConnectionResult(conn_id=msg.conn_id, conn_type="fs", extra=extra, **empty)

    def _GetXCom(self, msg: Any) -> Any:  # noqa: N802
        return comms.XComResult(key=msg.key, value=self.xcoms.get((msg.task_id, msg.key)))

    def _SetXCom(self, msg: Any) -> Any:  # noqa: N802
        self.xcoms[msg.task_id, msg.key] = msg.value
        return OKResponse(ok=True)

    def _SetTaskStateStore(self, msg: Any) -> Any:  # noqa: N802
        self.kept[msg.key] = msg.value
        return OKResponse(ok=True)

    def _GetAssetStateStoreByName(self, msg: Any) -> Any:  # noqa: N802
        return ErrorResponse(error=ErrorType.ASSET_STORE_NOT_FOUND)

    def _ValidateInletsAndOutlets(self, msg: Any) -> Any:  # noqa: N802
        return comms.InactiveAssetsResult(inactive_assets=[])

    def _GetTaskStates(self, msg: Any) -> Any:  # noqa: N802
        return comms.TaskStatesResult(task_states={msg.run_ids[0]: dict(self.states)})


def supervised(root: Path, files: dict[str, str], export: str) -> Supervised:
    """A world whose connections only Airflow's API server knows."""
    world = World(root)
    world.declare(files)
    for conn_id in ("lake", "sluice_staging", "out"):
        (root / conn_id).mkdir(exist_ok=True)
    return Supervised(world, export)
