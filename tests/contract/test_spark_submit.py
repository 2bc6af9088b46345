"""A segment that a job of `spark-submit` evaluates, and what surrounds such a job. Each starts a Spark of its own, so
`tests/long` has the other jobs: the exam of the other engines, and those that fail."""

from __future__ import annotations

import json
import logging
import os
import signal
import subprocess
import sys
import time
from contextlib import ExitStack, suppress
from pathlib import Path
from types import FrameType

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from sluice.cli import main
from sluice.commands import connect
from sluice.errors import DefinitionError, FatalError, RetriableError
from sluice.filesystem import Opened, open_filesystem
from sluice.model.access import FolderAccess, SftpAccess, SparkSubmitAccess
from sluice.refresh.spark.staged import collected
from sluice.refresh.spark.submit import launch
from sluice.refresh.spark.submit.submitted import Submitted
from tests.contract.engines.worlds import SPARK, InSpark, World
from tests.servers import spark
from tests.servers.folders import folder_connection

LOCAL = SparkSubmitAccess("local[2]")
SECRET = "sqlite:////a-secret"


@pytest.fixture(scope="module")
def in_spark(tmp_path_factory: pytest.TempPathFactory) -> InSpark:
    return InSpark(LOCAL, tmp_path_factory.mktemp("lake"), ExitStack())


@pytest.fixture
def lake(in_spark: InSpark, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> World:
    monkeypatch.setenv("AIRFLOW__DATABASE__SQL_ALCHEMY_CONN", SECRET)
    (tmp_path / "spark").mkdir()
    for name, value in spark.submit(tmp_path / "spark").items():
        monkeypatch.setenv(name, value)
    return in_spark.world(tmp_path)


@pytest.mark.slow
def test_a_segment_reads_partitions_and_the_members_of_another(lake: World, caplog: pytest.LogCaptureFixture) -> None:
    for day in ("2026-01-01", "2026-01-02"):
        below = lake.folder / "days" / f"day={day}" / "1 {of} [2].parquet"
        below.parent.mkdir(parents=True)
        pq.write_table(
            pa.table({"id": [1, 2, 3, 4], "f": [float("nan"), 1.0, -1.0, None], "t": ["a", "A", "b", ""]}), below
        )
    lake.path = "stag {ing} [1]"
    lake.access["lake"] = FolderAccess(lake.folder)
    lake.sources["people"] = ("id", {"type": "parquet", "airflow_conn_id": "lake", "path": "days"})
    spec = {"where": "f > 0 and day >= '2026-01-02' and id in (select id from few) and t <> 'A'", "reads": ["few"]}
    few = {"few": {"where": "id < 3"}}
    there, members = lake.evaluate(before=few, **spec, engine=SPARK)
    _, expected = lake.evaluate(before=few, **spec, engine="duckdb")
    assert members == expected
    assert members.type == expected.type
    assert members.to_pylist() == [1]
    assert there.engine == "Spark 4.3.0"
    assert there.moved == "the job of spark-submit wrote its keys to staging"
    assert not [path for path in (lake.folder / lake.path).rglob("*") if ".copies" in str(path)]


def test_a_file_without_keys_still_has_their_type(tmp_path: Path) -> None:
    (tmp_path / "keys").mkdir()
    none = pa.table({"id": pa.array([], pa.int8())})
    pq.write_table(none, tmp_path / "keys" / "part-0.parquet", row_group_size=1)
    folder = Opened(FolderAccess(tmp_path), "staging", "", read_only=True)
    assert list(collected(folder, "keys", 0, "cluster")) == [none]


@pytest.mark.slow
def test_check_says_what_the_worker_has(
    lake: World, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(logging, "raiseExceptions", False)  # Airflow logs into what pytest has closed
    for conn_id in ("SLUICE_STAGING", "LAKE"):
        monkeypatch.setenv(f"AIRFLOW_CONN_{conn_id}", folder_connection(tmp_path))
    monkeypatch.setenv("AIRFLOW_CONN_CLUSTER", json.dumps({"conn_type": "spark", "host": "local[2]"}))
    (tmp_path / "people").mkdir()
    pq.write_table(pa.table({"id": [1], "n": [1]}), tmp_path / "people" / "1.parquet")
    (tmp_path / "include" / "catalog").mkdir(parents=True)
    (tmp_path / "include" / "exports").mkdir()
    source = {"type": "parquet", "airflow_conn_id": "lake", "path": "people"}
    declared = {
        "datasets": {"people": {"kind": "profile", "key": "id", "source": source}},
        "segments": {"some": {"dataset": "people", "where": "n > 5", "engine": SPARK}},
    }
    for name, text in declared.items():
        (tmp_path / "include" / "catalog" / f"{name}.yaml").write_text(json.dumps(text))
    monkeypatch.setattr(connect, "DEADLINE", 600.0)
    code = main(["check", "--include", str(tmp_path / "include"), "--connect"])
    said = (
        "cluster: evaluates segments in Spark 4.3.0, by spark-submit; a refresh will show whether its jobs see staging"
    )
    printed = capsys.readouterr()
    assert code == 0, printed
    assert said in printed.out.splitlines(), printed
    monkeypatch.setenv("JAVA_HOME", str(tmp_path))
    assert main(["check", "--include", str(tmp_path / "include"), "--connect"]) == 1
    assert "`spark-submit --version` names no version of Spark" in capsys.readouterr().err


# Programs in the place of spark-submit: what the real one does rarely


def stands_in(lake: World, monkeypatch: pytest.MonkeyPatch, script: str) -> None:
    program = lake.folder / "bin" / "spark-submit"
    program.parent.mkdir()
    program.write_text(f"#!/bin/bash\n{script}\n")
    program.chmod(0o755)
    monkeypatch.setenv("PATH", os.pathsep.join([str(program.parent), os.environ["PATH"]]))


HALF_AN_ANSWER = """
place=$(dirname "${@: -1}" | sed 's|^file:/*|/|')
mkdir "$place/answer"
echo '{"spark": 4711, ' > "$place/answer/part-0"
"""


@pytest.mark.parametrize(
    ("script", "kind", "said"),
    [
        (
            "echo 'ERROR java.net.UnknownHostException: card 4711'; echo application_17_0004; exit 1",
            RetriableError,
            ["exit code 1: java.net.UnknownHostException", "log of application_17_0004"],
        ),
        ("exit 3", FatalError, ["has not found in staging what this worker has written"]),
        ("exit 0", FatalError, ["ended without an answer in staging"]),
        (HALF_AN_ANSWER, FatalError, ["ended without an answer in staging"]),
        ("kill -9 $$", RetriableError, ["signal 9"]),
    ],
)
def test_a_job_without_an_answer_is_an_error_without_values(
    lake: World,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
    script: str,
    kind: type[Exception],
    said: list[str],
) -> None:
    monkeypatch.setitem(sys.modules, "pyspark", None)  # a worker without the extra
    stands_in(lake, monkeypatch, script)
    caplog.set_level("INFO", "sluice")
    with pytest.raises(kind) as raised:
        lake.evaluate(where="n > 5", engine=SPARK)
    assert ("the cluster runs application_17_0004" in caplog.text) == ("application_" in script)
    assert "4711" not in caplog.text
    assert all(one in str(raised.value) for one in said)
    assert "4711" not in str(raised.value)


def test_no_secret_and_no_shell_reaches_the_program(lake: World, monkeypatch: pytest.MonkeyPatch) -> None:
    seen = lake.folder / "seen"
    stands_in(lake, monkeypatch, f"{{ env; printf '%s\\n' \"$@\"; }} > '{seen}'")
    lake.access["cluster"] = SparkSubmitAccess("k8s://https://host:1/$(id)", "cluster", namespace="n")
    with pytest.raises(FatalError):
        lake.evaluate(where="n > 5", engine=SPARK)
    text = seen.read_text()
    assert SECRET not in text
    assert "PYTHONPATH=" not in text
    words = ["--master", "k8s://https://host:1/$(id)", "--deploy-mode", "cluster", "--conf"]
    assert "\n".join([*words, "spark.kubernetes.namespace=n"]) in text


def test_a_missing_program_says_what_to_install(lake: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "")
    with pytest.raises(FatalError, match="spark-submit is not on this worker's PATH") as raised:
        lake.evaluate(where="n > 5", engine=SPARK)
    assert "Java" in raised.value.page()


def test_staging_that_clusters_cannot_address_is_refused(lake: World) -> None:
    job = Submitted(
        "select 1",
        {},
        LOCAL,
        "cluster",
        "some",
        open_filesystem(lake, "staging", "sluice"),
        SftpAccess(host="files", port=22, username="ann", password="x"),
    )
    with pytest.raises(DefinitionError, match="Spark has no filesystem for connection staging"):
        job.run()


STUBBORN = "trap '' TERM; sleep 1000 & echo $! $$ > '{children}'; wait; sleep 1000"


def test_what_a_task_at_its_time_limit_has_started_ends_with_it(lake: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """Airflow raises an exception in the task, from a signal handler."""
    children = lake.folder / "children"
    stands_in(lake, monkeypatch, STUBBORN.format(children=children))
    monkeypatch.setattr(launch, "_GRACE", 0.1)

    class StoppedError(Exception):
        pass

    def stop(_: int, frame: FrameType | None) -> None:
        if _is_starting(frame) or not children.exists() or not children.read_text().strip():
            signal.setitimer(signal.ITIMER_REAL, 0.1)
            return
        raise StoppedError

    before = signal.signal(signal.SIGALRM, stop)
    signal.setitimer(signal.ITIMER_REAL, 0.1)
    try:
        with pytest.raises(StoppedError):
            lake.evaluate(where="n > 5", engine=SPARK)
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)
    _all_end(children)


def test_what_a_killed_task_has_started_ends_with_it(lake: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """Airflow kills a task five seconds after it has asked it to stop. No code of the task's runs after that."""
    children = lake.folder / "children"
    stands_in(lake, monkeypatch, STUBBORN.format(children=children))
    text = (
        "from sluice.model.access import SparkSubmitAccess; from sluice.refresh.spark.submit import launch;"
        "launch._GRACE = 0.1; launch.launched(SparkSubmitAccess('local[2]'), 'cluster', 'some', 'file:///none')"
    )
    task = subprocess.Popen([sys.executable, "-c", text])
    until = time.monotonic() + 300
    while not (children.exists() and children.read_text().strip()):
        assert time.monotonic() < until
        time.sleep(0.05)
    task.kill()
    task.wait()
    _all_end(children)


def _is_starting(frame: FrameType | None) -> bool:
    """Whether a program is being started: nobody has a hold on it yet. It ends with the task's process, which here is
    that of the tests."""
    while frame and frame.f_code is not subprocess.Popen.__init__.__code__:
        frame = frame.f_back
    return frame is not None


def _all_end(children: Path) -> None:
    """Wait until the processes that are listed in this file have ended."""
    until = time.monotonic() + 300
    pids = children.read_text().split()
    while running := [pid for pid in pids if _runs(pid)]:
        assert time.monotonic() < until, running
        time.sleep(0.05)


def _runs(pid: str) -> bool:
    with suppress(OSError):
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    return False
