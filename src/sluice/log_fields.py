"""Fields of log lines, so that each line of a run says which export, run, shard and chunk it is about.

The core only names them. In a task, they become fields of Airflow's log lines; elsewhere they are not shown.
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from contextvars import copy_context
from typing import Any, TypeVar

Result = TypeVar("Result")
Bound = Callable[..., AbstractContextManager[Any]]


def _nothing(**_: object) -> AbstractContextManager[None]:
    return nullcontext()


_bound: Bound = _nothing


def show_by(bound: Bound) -> None:
    """From now on, use `bound` to add fields, as context variables, to the log lines of a block."""
    global _bound
    _bound = bound


def log_fields(**fields: str | int) -> AbstractContextManager[Any]:
    """The log lines of the block, in this thread and in those that `with_fields` starts from it, have these fields."""
    return _bound(**fields)


def with_fields(act: Callable[..., Result]) -> Callable[..., Result]:
    """`act` for another thread, where its log lines have the current fields."""
    context = copy_context()
    return lambda *args: context.run(act, *args)
