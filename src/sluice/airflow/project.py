"""Where the declarations are, and the run that Airflow's context describes."""

from __future__ import annotations

import logging
import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from sluice.definition.load import place_of
from sluice.definition.models.export import Export
from sluice.errors import Again, DefinitionError, FatalError, HeldError, RetriableError, Skipped, SluiceError
from sluice.extras import needing_extras
from sluice.foreign import said, without_values
from sluice.model.run import Run
from sluice.plan.run_config import RunConfig, run_config_of
from sluice.where import where

if TYPE_CHECKING:
    from airflow.sdk import Context


WHY = "why"
"""The XCom in which a task leaves its verdict, the error that ended it: for the run's last task."""


def include_folder() -> Path:
    """The folder of declarations."""
    return where().include


def word(value: Any) -> str:
    """Airflow's word for a type or a state, which it gives as an enum or as text. `str` of the enum is another text."""
    return str(getattr(value, "value", value))


def run_config(export: Export, context: Context) -> RunConfig:
    """The run's configuration. Raises `DefinitionError` if it has an unknown key or a value of the wrong type."""
    return run_config_of(export, context["dag_run"].conf)


def run_of(export: Export, context: Context) -> Run:
    """The run as Airflow has started it. A run without a logical date is due when it may start. Raises
    `DefinitionError` where what it was started with means nothing."""
    dag_run = context["dag_run"]
    due = dag_run.logical_date or dag_run.run_after
    return run_config(export, context).run(export, dag_run.run_id, due, word(dag_run.run_type))


_LATE = "the task was stopped at its time limit\n  next: raise `time_limit` in the declaration, then clear the task"
_UNFORESEEN = "report it, with the traceback that the task's log holds"


@contextmanager
def verdicts() -> Iterator[None]:
    """A core error's class says what Airflow should do: fail for good, skip, or try again.

    An error about a declaration gets the place in the file that it is about. A crash ends the process, and so the try.
    Airflow logs an error with all its causes: those of libraries are replaced by what they may say.
    """
    from airflow.sdk.exceptions import (
        AirflowException,
        AirflowFailException,
        AirflowSkipException,
        AirflowTaskTimeout,
    )

    _crash_as_usual()
    try:
        with needing_extras():
            yield
    except AirflowException:
        raise
    except AirflowTaskTimeout:
        leave(_LATE)
        raise
    except SluiceError as error:
        without_values(error)
        if error.place is None and error.subject:
            error.place = place_of(include_folder(), error.subject)
        error.again = _again()
        leave(error.page(), _kind(error))
        if isinstance(error, Skipped):
            # Airflow logs only that a task was skipped, and not why.
            logging.getLogger(__name__).warning(error.page())
            raise AirflowSkipException(error.page()) from None
        if isinstance(error, DefinitionError | FatalError):
            raise AirflowFailException(error.page()) from error
        raise
    except Exception as error:
        unforeseen = RetriableError(f"an error that nobody foresaw: {said(error)}", next_step=_UNFORESEEN)
        unforeseen.again = _again()
        leave(unforeseen.page())
        raise unforeseen from without_values(error)


def _again() -> Again:
    """Who tries again after this try of the task."""
    from airflow.sdk import get_current_context

    try:
        task: Any = get_current_context()["ti"]
    except RuntimeError:  # in no task
        return "task"
    return "task" if task.try_number <= task.max_tries else "person"


def _crash_as_usual() -> None:
    """Airflow 3.3.2 parses the DAG under a Python handler for SIGSEGV and leaves it there. Such a handler returns to
    the instruction that crashed: a task would crash for ever, at full load, its heart beating."""
    if threading.current_thread() is threading.main_thread():
        signal.signal(signal.SIGSEGV, signal.SIG_DFL)


def _kind(error: SluiceError) -> str:
    return "skipped" if isinstance(error, Skipped) else "held" if isinstance(error, HeldError) else "failed"


def leave(page: str, kind: str = "failed") -> None:
    """Leave the verdict on this task, as `sluice.delivery.report.ending` reads it. A verdict that cannot be left must
    not hide why the task ends."""
    from airflow.sdk import get_current_context

    try:
        get_current_context()["ti"].xcom_push(WHY, {"kind": kind, "page": page})
    except Exception:
        logging.getLogger(__name__).debug("the error's page was not left in an XCom", exc_info=True)
