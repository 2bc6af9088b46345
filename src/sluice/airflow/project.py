"""The folder of declarations, the run of a task's context, and the translation of errors for Airflow."""

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
"""The XCom of a task with its verdict, the error that ended it. The run's last task reads it."""
VERIFIED = "verified"
"""The XCom of `extract` with the result of a run that verifies. It is also a key of what `extract` returns then."""


def include_folder() -> Path:
    """The folder of declarations."""
    return where().include


def word(value: Any) -> str:
    """The text of a type or state that Airflow gives as an enum or as text. `str` of the enum would be another text."""
    return str(getattr(value, "value", value))


def run_config(export: Export, context: Context) -> RunConfig:
    """The run's configuration. Raises `DefinitionError` if it has an unknown key or a value of the wrong type."""
    return run_config_of(export, context["dag_run"].conf)


def run_of(export: Export, context: Context) -> Run:
    """The run that Airflow started. Without a logical date, it is due when it may start. Raises `DefinitionError` if
    its configuration is invalid."""
    dag_run = context["dag_run"]
    due = dag_run.logical_date or dag_run.run_after
    return run_config(export, context).run(export, dag_run.run_id, due, word(dag_run.run_type))


_LATE = "the task was stopped at its time limit\n  next: raise `time_limit` in the declaration, then clear the task"
_UNFORESEEN = "report it, with the traceback in the task's log"


@contextmanager
def verdicts() -> Iterator[None]:
    """Translate the core's errors for Airflow: by their class, the task fails for good, is skipped, or is retried.

    An error in a declaration gets its place in the file. A crash ends the process, and with it the attempt. Airflow
    logs an error with all its causes, so errors of libraries are replaced by what may be shown of them.
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
            # Airflow logs that a task was skipped, but not why.
            logging.getLogger(__name__).warning(error.page())
            raise AirflowSkipException(error.page()) from None
        if isinstance(error, DefinitionError | FatalError):
            raise AirflowFailException(error.page()) from error
        raise
    except Exception as error:
        unforeseen = RetriableError(f"unexpected error: {said(error)}", next_step=_UNFORESEEN)
        unforeseen.again = _again()
        leave(unforeseen.page())
        raise unforeseen from without_values(error)


def _again() -> Again:
    """Who retries after this attempt of the task: the task itself, or a person."""
    from airflow.sdk import get_current_context

    try:
        task: Any = get_current_context()["ti"]
    except RuntimeError:  # not in a task
        return "task"
    return "task" if task.try_number <= task.max_tries else "person"


def _crash_as_usual() -> None:
    """Restore the default handling of SIGSEGV. Airflow 3.3.2 installs a Python handler while it parses the DAG, and
    leaves it there. It returns to the instruction that crashed: a task would crash in an endless loop at full load,
    and still send heartbeats."""
    if threading.current_thread() is threading.main_thread():
        signal.signal(signal.SIGSEGV, signal.SIG_DFL)


def _kind(error: SluiceError) -> str:
    return "skipped" if isinstance(error, Skipped) else "held" if isinstance(error, HeldError) else "failed"


def leave(page: str, kind: str = "failed") -> None:
    """Store the verdict of this task in an XCom, for `sluice.delivery.report.ending`. A failure to store it is only
    logged, so that it does not hide why the task ends."""
    from airflow.sdk import get_current_context

    try:
        get_current_context()["ti"].xcom_push(WHY, {"kind": kind, "page": page})
    except Exception:
        logging.getLogger(__name__).debug("the error's page was not stored in an XCom", exc_info=True)
