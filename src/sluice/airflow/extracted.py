"""What the task `extract` left for the tasks after it.

They read it when they run. As an argument, it would be a field that Airflow renders and stores for each task."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from sluice.errors import FatalError

if TYPE_CHECKING:
    from airflow.sdk import Context


def extracted(context: Context) -> Mapping[str, Any]:
    """The extract of this run. Raises `FatalError` if there is none: someone marked the task as a success."""
    from airflow.sdk import BaseXCom

    ti = context["ti"]
    found: Mapping[str, Any] | None = BaseXCom.get_one(
        key="return_value", dag_id=ti.dag_id, task_id="extract", run_id=ti.run_id, map_index=-1
    )
    if found is None:
        raise FatalError("`extract` has not returned what this run reads", next_step="clear `extract` and what follows")
    return found
