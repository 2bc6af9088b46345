"""What a Spark cluster reads is what the worker has pinned, with the same values."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import cast

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
import pytest

from sluice.errors import FatalError
from sluice.filesystem import open_filesystem
from sluice.model.access import FolderAccess
from sluice.refresh.evaluate import rule_of
from sluice.refresh.spark.cluster import on_cluster
from tests.contract.engines.worlds import SPARK, InSpark, World
from tests.contract.source_subjects import SUBJECTS, Lake, Subject
from tests.servers.postgres import Database

CITIES = ["Paris", "a/b=c", "100%", "x y", "[a-b]{c}*?", "Zürich", None]

ROWS = pa.table(
    {
        "id": pa.array(range(400), pa.int64()),
        "city": [CITIES[number % len(CITIES)] for number in range(400)],
        "f": [float("nan") if number % 50 == 0 else number / 1000 for number in range(400)],
    }
)

HOSTILE = ("a`b", "a.b", 'a"b', "a b", "Ä", "ä", "select", "x -- y", "${z}", "a\\b")

KEYS: dict[str, pa.Array] = {
    "text": pa.array(["ß", "ss", "Z", None, "ss"]),
    "day": pa.array(["0001-01-01", "9999-12-31", None, "2026-01-01", "2026-01-01"]).cast(pa.date32()),
    "price": pa.array(["1.50", "-1.50", None, "0.00", "1.50"]).cast(pa.decimal128(7, 2)),
    "ratio": pa.array([float("nan"), 0.0, -0.5, None, float("nan")]),
    "at": pa.array(["2026-01-01 00:00:00Z", None, None, "1969-12-31 23:59:59Z", None]).cast(pa.timestamp("us", "UTC")),
    "wide": pa.array([1, 2, None, 3, 3], pa.int8()),
}


@pytest.mark.slow
@pytest.mark.parametrize("subject", [one for one in SUBJECTS if one.type != "sql"], ids=str)
def test_a_cluster_reads_what_the_worker_has_pinned(in_spark: InSpark, tmp_path: Path, subject: Subject) -> None:
    files = Lake(tmp_path, cast("Database", None))
    in_folders = subject.variant in ("hive", "partitioned")
    subject.put(files, ROWS.filter(pc.field("city") != "Zürich") if in_folders else ROWS)
    world = in_spark.world(tmp_path)
    world.access |= {"lake": FolderAccess(files.folder)} | files.more
    world.sources["people"] = ("id", {"type": subject.type, "airflow_conn_id": "lake", **subject.declared})
    for where in ("f > 0.39 and city <> 'Paris'", "city is null or city in ('a/b=c', '[a-b]{c}*?')"):
        if subject.copies:
            with pytest.raises(FatalError, match="cannot be pinned in place"):
                world.evaluate(where=where, engine=SPARK)
        else:
            _, expected = world.evaluate(where=where, engine="duckdb")
            there, members = world.evaluate(where=where, engine=SPARK)
            assert there.engine.startswith("Spark")
            assert members == expected
            assert len(members) > 0


@pytest.mark.slow
@pytest.mark.parametrize("name", ["_people.parquet", "people/city=Z%C3%BCrich/1.parquet"])
def test_what_a_cluster_reads_in_its_own_way_is_refused(lake: World, name: str) -> None:
    """Spark skips files by their names, and takes each byte of a folder's value for a character."""
    lake.write(name, ROWS.select(["id"]))
    assert len(lake.evaluate(where="id > 5", engine="duckdb")[1]) == 394
    with pytest.raises(FatalError, match="not the 400 that the worker has pinned"):
        lake.evaluate(where="id > 5", engine=SPARK)


@pytest.mark.slow
def test_a_file_that_changes_meanwhile_stops_the_refresh(lake: World) -> None:
    path = lake.write("people/1.parquet", ROWS)
    project = lake.project(some={"where": "id > 5", "engine": SPARK})
    segment, staging = project.segments["some"], open_filesystem(lake, "staging", "sluice")
    rule = rule_of(segment, project.datasets["people"])
    running = on_cluster(segment, rule, ["people"], project, lake, staging)
    assert running.__enter__().engine.startswith("Spark")
    pq.write_table(ROWS.slice(1), path)
    with pytest.raises(FatalError, match="overwritten or removed while Spark read them"):
        running.__exit__(None, None, None)


@pytest.mark.slow
def test_times_of_older_writers_are_read_alike(lake: World) -> None:
    times = pa.array([datetime(2026, 1, 1, 0, 0, second, tzinfo=UTC) for second in range(3)], pa.timestamp("us", "UTC"))
    path = lake.write("people/1.parquet", ROWS)
    table = pa.table({"id": [1, 2, 3], "at": times.cast(pa.timestamp("us"))})
    pq.write_table(table, path, use_deprecated_int96_timestamps=True)
    where = "\"at\" > '2026-01-01 00:00:01'"
    assert lake.evaluate(where=where, engine=SPARK)[1] == lake.evaluate(where=where, engine="duckdb")[1]


@pytest.mark.slow
def test_columns_may_have_any_name(lake: World) -> None:
    table = pa.table({"id": [1, 2, 3], **{name: [1, 2, None] for name in HOSTILE}})
    lake.write("people/1.parquet", table)
    where = " and ".join('"{}" > 1'.format(name.replace('"', '""')) for name in HOSTILE)
    assert lake.evaluate(where=where, engine=SPARK)[1].to_pylist() == [2]


@pytest.mark.slow
@pytest.mark.parametrize("key", KEYS)
def test_keys_have_the_type_of_their_column(lake: World, key: str) -> None:
    lake.write("people/1.parquet", pa.table({key: KEYS[key], "n": range(len(KEYS[key]))}))
    lake.sources["people"] = (key, lake.sources["people"][1])
    _, members = lake.evaluate(where="n < 5", engine=SPARK)
    _, expected = lake.evaluate(where="n < 5", engine="duckdb")
    assert members.type == expected.type
    assert str(members) == str(expected)
