"""The fields of a task's log lines. Airflow itself adds `dag_id`, `run_id`, `task_id`, `map_index` and `try_number`."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sluice.log_fields import show_by

if TYPE_CHECKING:
    from airflow.sdk import Context


def log_as(context: Context, **fields: str | int) -> None:
    """All following log lines of this task have these fields, and `run`."""
    from structlog.contextvars import bind_contextvars, bound_contextvars

    show_by(bound_contextvars)
    bind_contextvars(run=context["run_id"], **fields)
