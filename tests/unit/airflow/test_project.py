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

from sluice.airflow.project import run_of, verdicts
from sluice.definition.export import DataOutExport
from sluice.errors import Skipped

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
