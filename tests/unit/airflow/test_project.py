"""The run that Airflow's context describes."""

from __future__ import annotations

import signal
import subprocess
import sys
from datetime import UTC, datetime
from types import SimpleNamespace
from typing import Any

import pytest
from airflow.sdk.api.datamodels._generated import DagRunType
from airflow.sdk.exceptions import AirflowSkipException
from airflow.sdk.execution_time.context import set_current_context

from sluice.airflow.project import run_of, verdicts
from sluice.definition.models.export import DataOutExport
from sluice.errors import RetriableError, Skipped

DUE = datetime(2026, 3, 9, 6, tzinfo=UTC)


@pytest.mark.parametrize("kind", [DagRunType.SCHEDULED, DagRunType.BACKFILL, DagRunType.ASSET_TRIGGERED])
def test_a_run_s_type_is_airflow_s_word_for_it(kind: DagRunType) -> None:
    """A worker gets an enum, whose `str` is another text: every rule about backfills would look past it."""
    given = {"run_id": "x", "logical_date": DUE, "run_after": DUE, "run_type": kind, "data_interval_start": DUE}
    given |= {"data_interval_end": DUE, "conf": {}}
    context: Any = {"dag_run": SimpleNamespace(**given), "params": {}}
    export = DataOutExport(name="orders", kind="data-out-export", connection="c", entities=("orders",))
    assert run_of(export, context).run_type == kind.value


def test_why_a_run_is_skipped_stands_in_the_log(caplog: pytest.LogCaptureFixture) -> None:
    with pytest.raises(AirflowSkipException), verdicts():
        raise Skipped("export orders has ended", next_step="change `end`")
    assert caplog.messages == ["export orders has ended\n  next: change `end`"]


@pytest.mark.parametrize(("number", "says"), [(1, "the task retries"), (2, "the task retries"), (3, "clear the")])
@pytest.mark.parametrize("error", [RetriableError("no answer"), ValueError("x")])
def test_the_last_try_does_not_announce_a_retry(number: int, says: str, error: Exception) -> None:
    """C6: `sluice run --wait`, mail and webhooks show the last try's page."""
    left: dict[str, Any] = {}
    task = SimpleNamespace(try_number=number, max_tries=2, xcom_push=left.__setitem__)
    context: Any = {"ti": task}
    with set_current_context(context), pytest.raises(RetriableError) as raised, verdicts():
        raise error
    for page in (str(raised.value), str(left)):
        assert ("retries" in page) == (number < 3)
        assert says in page


CRASH = """
import ctypes, signal
from sluice.airflow.project import verdicts
signal.signal(signal.SIGSEGV, lambda *_: None)  # as Airflow leaves it behind when it has parsed a DAG
with verdicts():
    ctypes.string_at(0)
"""


@pytest.mark.slow
def test_a_crash_in_a_library_ends_the_process() -> None:
    """It went on for ever: the handler returned to the instruction that crashed."""
    ended = subprocess.run([sys.executable, "-c", CRASH], timeout=60, check=False)
    assert ended.returncode == -signal.SIGSEGV
