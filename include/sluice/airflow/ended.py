"""Whether a run is over, as Airflow tells a task."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from airflow.sdk.types import RuntimeTaskInstanceProtocol

NOT_FOUND = 404


def has_ended(ti: RuntimeTaskInstanceProtocol, dag_id: str, run_id: str) -> bool:
    """Whether a run of the DAG has succeeded or failed, or is no longer known: someone has deleted it."""
    from airflow.sdk.exceptions import AirflowRuntimeError

    try:
        return ti.get_dagrun_state(dag_id, run_id) in ("success", "failed")
    except AirflowRuntimeError as error:
        detail = error.error.detail or {}
        if detail.get("status_code") == NOT_FOUND:
            return True
        raise
