"""Every use of Airflow outside its public interface, each with its reason.

Airflow may change any of it in any version: `tests/unit/airflow/test_private.py` names what the installed version
lacks. Airflow is imported inside the functions, so that importing this module is cheap.
"""

from __future__ import annotations

import json
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

TASK_RUNNER = "airflow.sdk.execution_time.task_runner"
"""The module that runs a task, in a process of its own. It is imported before the fork, not used."""
PARSER = "airflow.dag_processing.processor"
"""The module that parses a DAG file, likewise."""


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


def run_command(words: Sequence[str]) -> None:
    """Run a command of Airflow in this process. Airflow's own entry point reads `sys.argv`, and stores it in Airflow's
    log; there is no other public one."""
    from airflow.cli import cli_parser

    args = cli_parser.get_parser().parse_args(list(words))
    args.func(args)


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


def show_mapped(ti: Any, label: str) -> None:
    """Name a mapped task. Airflow stores the name with the task's end, and by a request before if it has changed."""
    ti.rendered_map_index = label


def hostname() -> str:
    """The name of this machine as Airflow records it for task instances. Nothing public says it to every process."""
    from airflow.sdk.api.client import get_hostname

    return str(get_hostname())


def stats() -> Any:
    """Airflow's metrics. `airflow.sdk.observability` is not documented as public."""
    from airflow.sdk.observability import stats

    return stats


def stats_have_tags() -> bool:
    """Whether the configured metrics have tags. Plain StatsD drops them, and nothing public says so."""
    from airflow.sdk.configuration import conf

    if not conf.getboolean("metrics", "statsd_on", fallback=False):
        return True
    tagged = ("statsd_datadog_enabled", "statsd_influxdb_enabled")
    return any(conf.getboolean("metrics", key, fallback=False) for key in tagged)


async def count_runs(dag_id: str, states: Sequence[str], run_ids: Sequence[str] | None = None) -> int:
    """The number of runs of a DAG in these states, for the triggerer: `get_dr_count` of a task instance blocks."""
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


def user_of_request() -> Any:
    """The FastAPI dependency that returns the user of a request to the API server, from its token or cookie."""
    from airflow.api_fastapi.core_api.security import get_user

    return get_user


def user_named(user: Any) -> str:
    """The name that the user logs in with."""
    return str(user.get_name())


def may_create_connections(user: Any) -> bool:
    """Whether the auth manager lets the user create Airflow connections."""
    from airflow.api_fastapi.app import get_auth_manager

    return bool(get_auth_manager().is_authorized_connection(method="POST", user=user))


def has_role(user: Any, role: str) -> bool:
    """Whether a user of an auth manager without named roles has a role: whether it may see the custom view of this
    name."""
    from airflow.api_fastapi.app import get_auth_manager

    return bool(get_auth_manager().is_authorized_custom_view(method="GET", resource_name=role, user=user))


def dag_states(prefix: str) -> list[tuple[str, bool, datetime | None]]:
    """For each current DAG whose id has the prefix: its id, whether it is paused, and when its next run is due. The
    REST API needs a request per hundred DAGs. For the API server only: no task reads the metadata database."""
    from airflow.models.dag import DagModel
    from airflow.utils.session import create_session
    from sqlalchemy import select

    wanted = select(DagModel.dag_id, DagModel.is_paused, DagModel.next_dagrun_create_after).where(
        DagModel.dag_id.startswith(prefix, autoescape=True), DagModel.is_stale.is_(False)
    )
    with create_session() as session:
        return [(dag, bool(paused), due) for dag, paused, due in session.execute(wanted)]


def unfinished_runs(prefix: str) -> list[tuple[str, str, str, datetime | None]]:
    """The queued and running runs of these DAGs, oldest first: DAG, run, state, and start. For the API server only."""
    from airflow.models.dagrun import DagRun
    from airflow.utils.session import create_session
    from sqlalchemy import select

    wanted = (
        select(DagRun.dag_id, DagRun.run_id, DagRun.state, DagRun.start_date)
        .where(DagRun.dag_id.startswith(prefix, autoescape=True), DagRun.state.in_(("queued", "running")))
        .order_by(DagRun.run_after)
    )
    with create_session() as session:
        return [(dag, run, str(getattr(state, "value", state)), at) for dag, run, state, at in session.execute(wanted)]


def failed_runs(prefix: str, since: datetime) -> list[tuple[str, str, datetime | None]]:
    """The last failed run of each of these DAGs that was due after a moment, and was to deliver: DAG, run, and end. For
    the API server only."""
    from airflow.models.dagrun import DagRun
    from airflow.utils.session import create_session
    from sqlalchemy import select

    wanted = (
        select(DagRun.dag_id, DagRun.run_id, DagRun.end_date, DagRun.conf)
        .where(DagRun.dag_id.startswith(prefix, autoescape=True), DagRun.state == "failed", DagRun.run_after > since)
        .order_by(DagRun.end_date)
    )
    with create_session() as session:
        found = session.execute(wanted)
        return list({dag: (dag, run, ended) for dag, run, ended, conf in found if not _verifies(conf)}.values())


def _verifies(conf: Any) -> bool:
    return isinstance(conf, dict) and bool(conf.get("verify"))


def task_states(dag_id: str, run_id: str, keys: Sequence[str]) -> dict[tuple[str, int, str], Any]:
    """The values that a run's tasks keep under these keys, by task, map index and key. The REST API needs a request
    for each. For the API server only."""
    from airflow.models.task_state_store import TaskStateStoreModel as Kept
    from airflow.utils.session import create_session
    from sqlalchemy import select

    wanted = select(Kept.task_id, Kept.map_index, Kept.key, Kept.value).where(
        Kept.dag_id == dag_id, Kept.run_id == run_id, Kept.key.in_(keys)
    )
    with create_session() as session:
        return {(task, index, key): json.loads(value) for task, index, key, value in session.execute(wanted)}


def returned(ti: Any) -> Any:
    """The value that a task returned, by the key of its instance; None if there is none. For the API server only."""
    from airflow.models.xcom import XComModel
    from airflow.utils.session import create_session

    wanted = XComModel.get_many(run_id=ti.run_id, key="return_value", dag_ids=ti.dag_id, task_ids=ti.task_id)
    with create_session() as session:
        value = session.scalar(wanted.with_only_columns(XComModel.value))
    return json.loads(value) if isinstance(value, str) else value


def waiting_tasks(prefix: str, task_id: str) -> list[tuple[str, str, datetime | None, str | None]]:
    """The tasks of this id that are running or deferred: DAG, run, start, and what is kept under `waiting`, as JSON.
    For the API server only."""
    from airflow.models.task_state_store import TaskStateStoreModel as Kept
    from airflow.models.taskinstance import TaskInstance as Task
    from airflow.utils.session import create_session
    from sqlalchemy import and_, select

    own = and_(Kept.dag_id == Task.dag_id, Kept.run_id == Task.run_id, Kept.task_id == Task.task_id)
    wanted = (
        select(Task.dag_id, Task.run_id, Task.start_date, Kept.value)
        .join(Kept, and_(own, Kept.key == "waiting"), isouter=True)
        .where(Task.task_id == task_id, Task.dag_id.startswith(prefix, autoescape=True))
        .where(Task.state.in_(("running", "deferred")))
    )
    with create_session() as session:
        return [(dag, run, at, value) for dag, run, at, value in session.execute(wanted)]


def last_runs(dag_ids: Sequence[str], state: str = "") -> dict[str, tuple[str, str, datetime | None, datetime | None]]:
    """The last run of each of these DAGs, or the last in this state: id, state, start and end. For the API server
    only."""
    from airflow.models.dagrun import DagRun
    from airflow.utils.session import create_session
    from sqlalchemy import select

    found = {}
    with create_session() as session:
        for dag in dag_ids:
            wanted = select(DagRun).where(DagRun.dag_id == dag).order_by(DagRun.run_after.desc()).limit(1)
            run = session.scalar(wanted.where(DagRun.state == state) if state else wanted)
            if run is not None:
                found[dag] = (run.run_id, str(getattr(run.state, "value", run.state)), run.start_date, run.end_date)
    return found


def tasks_of_run(dag_id: str, run_id: str) -> dict[str, tuple[str, datetime | None, datetime | None]]:
    """The tasks of a run without mapped ones: state, start and end by task id. For the API server only."""
    from airflow.models.taskinstance import TaskInstance as Task
    from airflow.utils.session import create_session
    from sqlalchemy import select

    wanted = select(Task.task_id, Task.state, Task.start_date, Task.end_date).where(
        Task.dag_id == dag_id, Task.run_id == run_id
    )
    with create_session() as session:
        return {
            task: (str(getattr(state, "value", state) or ""), started, ended)
            for task, state, started, ended in session.execute(wanted)
        }
