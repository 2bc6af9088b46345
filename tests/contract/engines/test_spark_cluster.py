"""A Spark cluster: where it leaves its keys, which rules it refuses, and how it fails."""

from __future__ import annotations

import json
import logging
import threading
from pathlib import Path

import pyarrow as pa
import pytest
from airflow.sdk import Asset

from sluice.airflow.operators.segment import RefreshSegmentOperator
from sluice.cli import main
from sluice.commands import connect
from sluice.definition.models.catalog import Segment
from sluice.errors import DefinitionError, FatalError, RetriableError
from sluice.model.access import FolderAccess, SparkAccess
from sluice.refresh.evaluate import rule_of
from sluice.refresh.spark.session import session
from sluice.sql.translation.spelling import UnlikeError
from tests.contract.engines.worlds import SPARK, InSpark, World
from tests.servers import s3
from tests.servers.fleet import Fleet
from tests.servers.folders import folder_connection
from tests.servers.process import free_port


def unseen_staging(lake: World, fleet: Fleet) -> None:
    """Staging lies where the cluster does not see it."""
    lake.access["staging"] = fleet.get(fleet.connect("spark_staging", s3.connection(fleet.ministack)))
    lake.path = s3.BUCKET


@pytest.mark.slow
def test_a_cluster_writes_the_keys_to_staging_and_leaves_nothing_else(lake: World) -> None:
    written, members = lake.evaluate(where="n > 5", engine=SPARK)
    assert written.moved == "the cluster wrote its keys to staging"
    assert written.evaluated == f"in {written.engine}; the cluster wrote its keys to staging"
    assert written.records == len(members) > 0
    assert lake.staged() == {Path(written.path).name, "current.json"}


@pytest.mark.slow
@pytest.mark.parametrize("where", ["n > 5", "n > 5 and n < 5"], ids=["some", "none"])
def test_keys_come_over_the_connection_if_the_cluster_does_not_see_staging(
    lake: World, fleet: Fleet, where: str
) -> None:
    _, expected = lake.evaluate(where=where, engine=SPARK)
    unseen_staging(lake, fleet)
    written, members = lake.evaluate(where=where, engine=SPARK)
    assert written.moved == "its keys came over Spark Connect, as it does not see staging"
    assert members == expected
    assert members.type == expected.type


@pytest.mark.slow
@pytest.mark.parametrize("shared", [True, False], ids=["in their files", "sent"])
def test_a_segment_reads_another_one(lake: World, fleet: Fleet, shared: bool) -> None:
    spec = {"where": "n > 1 or id in (select id from rich)", "reads": ["rich"]}
    before = {"rich": {"where": "m > 99", "engine": "duckdb"}}
    _, expected = lake.evaluate(**spec, before=before, engine="duckdb")
    if not shared:
        unseen_staging(lake, fleet)
    _, members = lake.evaluate(**spec, before=before, engine=SPARK)
    assert members == expected


@pytest.mark.parametrize(
    ("spec", "why"),
    [
        ({"where": "(id in (select n from orders)) is null"}, "compares the answer of IN"),
        ({"where": "(not (id in (select n from orders) and yes)) = yes"}, "compares the answer of IN"),
        ({"sql": "select p.id from people p join orders o on p.n in (select n from orders)"}, "subquery in ON"),
        (
            {"where": "exists (select 1 from orders o where exists (select 1 from orders x where x.m = people.m))"},
            "of the outermost FROM",
        ),
    ],
    ids=lambda one: str(one)[:50],
)
def test_subqueries_that_spark_plans_otherwise_are_refused(in_spark: InSpark, spec: dict[str, str], why: str) -> None:
    segment = Segment.model_validate({"name": "some", "dataset": "people", **spec})
    with pytest.raises(UnlikeError, match=why):
        in_spark.translated(rule_of(segment, in_spark.world(Path()).project().datasets["people"]))


@pytest.mark.slow
def test_an_overflow_is_an_error_that_shows_no_value(lake: World) -> None:
    lake.write("people/1.parquet", pa.table({"id": [1], "n": [2**62], "m": [2**62]}))
    with pytest.raises(FatalError, match=r"SQLSTATE 22003") as raised:
        lake.evaluate(where="n * m > 5", engine=SPARK)
    assert str(2**124) not in str(raised.value.page())
    assert raised.value.__cause__ is None


@pytest.mark.slow
def test_what_a_cluster_logs_of_an_error_is_not_shown(lake: World, capfd: pytest.CaptureFixture[str]) -> None:
    lake.write("people/1.parquet", pa.table({"id": [1], "n": [2**62], "m": [2**62]}))
    with pytest.raises(FatalError):
        lake.evaluate(where="n * m > 5", engine=SPARK)
    said = "".join(capfd.readouterr())
    assert str(2**62) not in said
    assert "pyspark" not in said


@pytest.mark.slow
def test_queries_stop_if_the_task_does(in_spark: InSpark) -> None:
    """Airflow calls `on_kill` in the task's process, lets the task go on, and kills it five seconds later.

    Spark loses a query that is stopped while it plans the first job: the client hears that it was cancelled, and the
    job goes on. So the query has an end, and is left alone at first."""
    task = RefreshSegmentOperator(task_id="some", segment="some", asset=Asset("some"))
    ended = threading.Event()

    def stop() -> None:
        while not ended.wait(1):
            task.on_kill()  # the first may come before the query has begun

    stopping = threading.Thread(target=stop)
    with session(in_spark.server, "cluster", "some") as spark:
        stopping.start()
        try:
            with pytest.raises(Exception, match="OPERATION_CANCELED"):
                spark.sql("select sum(a.id * b.id % 7) from range(20000) a, range(20000) b").collect()
        finally:
            ended.set()
            stopping.join()


def test_a_server_that_is_down_may_be_up_later(lake: World) -> None:
    lake.access["cluster"] = SparkAccess(host="127.0.0.1", port=free_port())
    with pytest.raises(RetriableError, match=r"connection cluster: 127\.0\.0\.1:\d+ is unreachable"):
        lake.evaluate(where="n > 5", engine=SPARK)


def test_a_connection_of_another_type_is_no_cluster(lake: World) -> None:
    lake.access["cluster"] = FolderAccess(lake.folder)
    with pytest.raises(DefinitionError, match="connection cluster is not a Spark cluster") as raised:
        lake.evaluate(where="n > 5", engine=SPARK)
    assert "spark_connect" in raised.value.next_step


@pytest.mark.slow
def test_check_says_what_a_cluster_is_and_whether_it_sees_staging(
    in_spark: InSpark, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(logging, "raiseExceptions", False)  # Airflow logs into what pytest has closed
    monkeypatch.setattr(connect, "DEADLINE", 600.0)
    monkeypatch.setenv("AIRFLOW_CONN_SLUICE_STAGING", folder_connection(tmp_path / "staging"))
    monkeypatch.setenv("AIRFLOW_CONN_LAKE", folder_connection(in_spark.lake))
    (tmp_path / "include" / "catalog").mkdir(parents=True)
    (tmp_path / "include" / "exports").mkdir()
    people = {
        "kind": "profile",
        "key": "id",
        "source": {"type": "parquet", "airflow_conn_id": "lake", "path": "people"},
    }
    some = {"dataset": "people", "where": "n > 5", "engine": SPARK | {"airflow_conn_id": "spark_cluster"}}
    for name, declared in {"datasets": {"people": people}, "segments": {"some": some}}.items():
        (tmp_path / "include" / "catalog" / f"{name}.yaml").write_text(json.dumps(declared))
    assert main(["check", "--include", str(tmp_path / "include"), "--connect"]) == 0
    printed = capsys.readouterr()
    said = "spark_cluster: evaluates segments in Spark 4.3.0, which sees staging, and writes keys there"
    assert said in printed.out.splitlines(), printed
    assert not [path for path in (tmp_path / "staging").rglob("*") if "spark" in path.name]

    closed = {"conn_type": "spark_connect", "host": "127.0.0.1", "port": free_port()}
    monkeypatch.setenv("AIRFLOW_CONN_SPARK_CLUSTER", json.dumps(closed))
    assert main(["check", "--include", str(tmp_path / "include"), "--connect"]) == 1
    assert "spark_cluster: evaluates no segments" in capsys.readouterr().err
