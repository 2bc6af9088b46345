"""Jobs of `spark-submit`: the exam of the other engines in one job, and jobs that fail in Spark itself. Each starts a
Spark of its own; Spark Connect's are in `tests/contract/engines`."""

# ruff: noqa: S608 - the statements are made here

from __future__ import annotations

import random
from contextlib import suppress
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from sluice.definition.models.catalog import Segment
from sluice.errors import FatalError
from sluice.filesystem import open_filesystem
from sluice.model.access import FolderAccess
from sluice.refresh.evaluate import rule_of
from sluice.refresh.spark.submit.submitted import Submitted
from sluice.sql import connect as engine_of
from sluice.sql.names import names_of
from sluice.sql.spelling import respelled
from sluice.sql.translation.spelling import UnlikeError
from tests.contract.engines.cases import ALIKE, some_rule
from tests.contract.engines.worlds import SPARK, InSpark, World, together
from tests.contract.test_spark_submit import LOCAL, in_spark, lake

__all__ = ["in_spark", "lake"]  # fixtures


def test_a_job_finds_the_members_that_duckdb_finds(lake: World, in_spark: InSpark) -> None:
    """All rules of the exam that Spark Connect takes one by one, and some random ones."""
    people = lake.project().datasets["people"]
    chance = random.Random(20_261_127)
    specs = [*ALIKE, *({"dataset": "people", **some_rule(chance)} for _ in range(in_spark.tried // 4))]
    rules, queries = [], []
    for spec in specs:
        if set(spec.get("reads", ())) <= {"orders", "people"} and spec.get("dataset", "people") == "people":
            rule = rule_of(Segment.model_validate({"name": "some", "dataset": "people", **_own(spec)}), people)
            with suppress(UnlikeError):
                queries.append(
                    f"select cast(keys as string) as found from ({in_spark.translated(rule)}) as members(keys)"
                )
                rules.append(rule)
    assert len(rules) > 0.6 * len(specs)
    job = Submitted(
        together(queries),
        in_spark._lake.datasets,
        LOCAL,
        "cluster",
        "exam",
        open_filesystem(lake, "staging", "sluice"),
        lake.get("staging"),
    )
    found: list[list[Any]] = [[] for _ in queries]
    for n, key in (pair for batch in job.keys().reader() for pair in zip(*batch.to_pydict().values(), strict=True)):
        found[n].append(key)
    assert job.engine == "Spark 4.3.0"
    with engine_of() as engine:
        held = {name: in_spark.rows(name) for name in ("people", "orders")}
        names = names_of(*(table.schema for table in held.values()))
        for name, table in held.items():
            engine.register(name, table.rename_columns([names[own] for own in table.schema.names]))
        for rule, keys in zip(rules, found, strict=True):
            here = {row[0] for row in engine.execute(respelled(engine, rule, names)).fetchall()}
            assert sorted(keys, key=str) == sorted((None if key is None else str(key) for key in here), key=str), rule


def _own(spec: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in spec.items() if name != "before"}


def test_an_overflow_is_an_error_that_shows_no_value(
    lake: World, capfd: pytest.CaptureFixture[str], caplog: pytest.LogCaptureFixture
) -> None:
    (lake.folder / "people").mkdir()
    pq.write_table(pa.table({"id": [1], "n": [2**62], "m": [2**62]}), lake.folder / "people" / "1.parquet")
    lake.access["lake"] = FolderAccess(lake.folder)
    with pytest.raises(FatalError, match=r"evaluating the segment failed: [A-Z_.]+ \(SQLSTATE 22003\)") as raised:
        lake.evaluate(where="n * m > 5", engine=SPARK)
    said = "".join(capfd.readouterr()) + caplog.text + raised.value.page()
    assert str(2**62) not in said
    assert raised.value.__cause__ is None


def test_a_job_that_reads_other_partitions_than_the_pinned_ones_stops_the_refresh(lake: World) -> None:
    """Spark takes each byte of a folder's value for a character."""
    below = lake.folder / "people" / "city=Z%C3%BCrich" / "1.parquet"
    below.parent.mkdir(parents=True)
    pq.write_table(pa.table({"id": [1, 2]}), below)
    lake.access["lake"] = FolderAccess(lake.folder)
    with pytest.raises(FatalError, match="reads 2 records in 1 partitions, which are not the 2 that"):
        lake.evaluate(where="id > 5", engine=SPARK)
