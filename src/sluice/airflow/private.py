"""Every use of Airflow outside its public interface, each with its reason.

Airflow may change any of it in any version: `tests/unit/airflow/test_private.py` names what the installed version
lacks. Airflow is imported inside the functions, so that importing this module is cheap.
"""

from __future__ import annotations

import logging
import os
from collections.abc import Sequence
from datetime import datetime
from http import HTTPStatus
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    # Types of arguments that Airflow passes to a timetable, an operator or a task. `airflow.sdk` does not export them.
    from airflow.models.dagrun import DagRun as DagRun
    from airflow.sdk._shared.logging.types import Logger as Logger
    from airflow.sdk.execution_time.context import AssetStateStoreAccessor as AssetStateStoreAccessor
    from airflow.sdk.execution_time.context import TaskStateStoreAccessor as TaskStateStoreAccessor
    from airflow.sdk.types import RuntimeTaskInstanceProtocol as RuntimeTaskInstanceProtocol


def read_connections_as_commands_do() -> None:
    """Outside a task, read connections as Airflow's own commands do, the metadata database included.

    There is no public call to find out whether a process runs a task, or to let a command read connections. The
    setting lasts for the process, because hooks read connections again when they connect. A setting that Airflow made
    is kept."""
    from airflow.sdk.execution_time import task_runner

    if getattr(task_runner, "SUPERVISOR_COMMS", None) is None:
        os.environ.setdefault("_AIRFLOW_PROCESS_CONTEXT", "server")
        # The masker warns in a command's output if an extra is too short to be masked in logs, and has no option.
        logging.getLogger("airflow.sdk._shared.secrets_masker").setLevel(logging.ERROR)


def access_denied() -> type[Exception]:
    """The error that `Connection.get` raises if the task's team may not use the connection. The only public error is
    the one for a missing connection."""
    from airflow.sdk.exceptions import AirflowSecretsBackendAccessDenied

    return AirflowSecretsBackendAccessDenied


def asset_state(name: str) -> AssetStateStoreAccessor:
    """The state store of any asset, also in the triggerer. A task's context only has those of its inlets and outlets,
    and an inlet would show the task as a consumer of the asset."""
    from airflow.sdk.execution_time.context import AssetStateStoreAccessor

    return AssetStateStoreAccessor(name=name)


def auth_manager() -> str:
    """The class of Airflow's auth manager. `airflow.sdk.configuration` is not documented as public."""
    from airflow.sdk.configuration import conf

    return str(conf.get("core", "auth_manager", fallback=""))


async def count_runs(dag_id: str, states: Sequence[str], run_ids: Sequence[str] | None = None) -> int:
    """The number of runs of a DAG in these states, for the triggerer: `get_dr_count` of a task instance blocks, and a
    trigger has no task instance."""
    from airflow.sdk.execution_time.comms import DRCount, GetDRCount
    from airflow.sdk.execution_time.task_runner import SUPERVISOR_COMMS

    wanted = GetDRCount(dag_id=dag_id, states=list(states), run_ids=list(run_ids) if run_ids else None)
    answer = await SUPERVISOR_COMMS.asend(wanted)
    return answer.count if isinstance(answer, DRCount) else 0


def previous_run(dag_id: str, before: datetime) -> Any:
    """The last run of a DAG whose logical date is before this moment, or None. A task instance answers this only for
    its own DAG (`get_previous_dagrun`)."""
    from airflow.sdk.execution_time.comms import GetPreviousDagRun, PreviousDagRunResult
    from airflow.sdk.execution_time.task_runner import SUPERVISOR_COMMS

    answer = SUPERVISOR_COMMS.send(GetPreviousDagRun(dag_id=dag_id, logical_date=before))
    return answer.dag_run if isinstance(answer, PreviousDagRunResult) else None


def is_paused(ti: RuntimeTaskInstanceProtocol, dag_id: str) -> bool | None:
    """Whether a DAG is paused; None if Airflow does not know it, for which a task instance raises a private error."""
    from airflow.sdk.exceptions import AirflowRuntimeError

    try:
        return ti.get_dag(dag_id).is_paused
    except AirflowRuntimeError:
        return None


def run_state(ti: RuntimeTaskInstanceProtocol, dag_id: str, run_id: str) -> str | None:
    """The state of a run; None if Airflow does not know it. A task instance raises a private error for that, which only
    its status code distinguishes from others."""
    from airflow.sdk.exceptions import AirflowRuntimeError

    try:
        return ti.get_dagrun_state(dag_id, run_id)
    except AirflowRuntimeError as error:
        if (error.error.detail or {}).get("status_code") == HTTPStatus.NOT_FOUND:
            return None
        raise
