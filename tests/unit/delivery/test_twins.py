"""Columns that differ only in case: the named one is delivered, hashed, queried and compared."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from sluice.definition.load import load_export
from sluice.errors import DefinitionError, FatalError
from sluice.model.manifest import Manifest
from sluice.refresh.evaluate import evaluate_segment
from sluice.refresh.membership import current, read_keys
from sluice.sources import verdicts
from tests.builders import World

TWINS = pa.table({"id": [1, 2], "Email": ["A@x", "B@x"], "email": ["a@y", "b@y"]})
KEYS = pa.table({"id": [1, 2, 3], "ID": [3, 30, 1], "v": ["a", "b", "c"]})


@pytest.fixture
def world(tmp_path: Path) -> World:
    return World(tmp_path)


def declare(world: World, export: str, dataset: str = "", segment: str = "where: id > 0", key: str = "id") -> None:
    source = "{type: parquet, airflow_conn_id: lake, path: t}"
    world.declare(
        {
            "catalog/datasets.yaml": f"t: {{kind: profile, key: {key}, source: {source}{dataset}}}\n",
            "catalog/segments.yaml": f"s: {{dataset: t, {segment}}}\n",
            "connections/out.yaml": "{type: local, airflow_conn_id: out}\n",
            "exports/out.yaml": f"connection: out\nformat: {{type: json, compression: none}}\n{export}\n",
        }
    )


def evaluate(world: World, name: str = "s") -> list[Any]:
    project, _ = load_export(world.include, "out")
    evaluate_segment(project, name, world, "r1", world.now)
    staging = project.settings.staging
    return list(read_keys(current(staging, name, world), staging, world).to_pylist())


def delivered(world: World, run_id: str = "manual__1") -> list[dict[str, Any]]:
    world.run("out", run_id)
    out = world.root / "out"
    found = [Manifest.model_validate_json(path.read_bytes()) for path in out.rglob("manifest-*.json")]
    (manifest,) = [one for one in found if one.run_id == run_id]
    bodies = [(out / part.path).read_text() for part in manifest.exportResults]
    return [json.loads(line) for body in bodies for line in body.splitlines()]


def segment_export(world: World, table: pa.Table, fields: str, segment: str = "where: id > 0") -> list[dict[str, Any]]:
    world.dataset("t", table)
    declare(world, f"kind: segment-export\nsegments: [s]\nfields: {fields}", segment=segment)
    evaluate(world)
    return delivered(world)


def sha256(text: str) -> str:
    return hashlib.sha256(text.lower().encode()).hexdigest()


@pytest.mark.slow
@pytest.mark.parametrize(
    ("fields", "right"),
    [
        ("[{as: A, sql: 'upper(Email)'}, {as: B, sql: 'upper(\"email\")'}]", {"A": "A@X", "B": "A@Y"}),
        (
            "[{field: Email, as: A, hash: sha256}, {field: email, as: B, hash: sha256}]",
            {"A": sha256("A@x"), "B": sha256("a@y")},
        ),
        ("[{field: Email, as: A, mask: {keep: 2}}, {field: email, as: B, mask: {keep: 2}}]", {"A": "*@x", "B": "*@y"}),
        ("[{field: email, as: B}, {as: A, sql: Email || '!'}]", {"B": "a@y", "A": "A@x!"}),
    ],
    ids=["sql", "hash", "mask", "plain beside sql"],
)
def test_a_field_is_made_of_the_column_that_it_names(world: World, fields: str, right: dict[str, str]) -> None:
    assert segment_export(world, TWINS.slice(0, 1), fields) == [right]


@pytest.mark.slow
def test_sql_that_could_mean_either_is_refused_with_both(world: World) -> None:
    with pytest.raises(
        DefinitionError, match="'EMAIL' is ambiguous: 'Email' and 'email' differ only in case"
    ) as refused:
        segment_export(world, TWINS, "[id, {as: A, sql: upper(EMAIL)}]")
    assert refused.value.subject[-2:] == ("fields", 1)


@pytest.mark.slow
@pytest.mark.parametrize("origin", ["field: email", "sql: email -- of the two"])
def test_a_required_field_asks_its_own_column(world: World, origin: str) -> None:
    table = pa.table({"id": [1, 2], "Email": ["A@x", None], "email": [None, "b@y"]})
    fields = f"[id, {{as: E, required: true, {origin}}}]".replace(", {as", ",\n  {as").replace("}]", "\n  }]")
    assert segment_export(world, table, fields) == [{"id": 2, "E": "b@y"}]
    quarantine = list((world.root / "sluice_staging").rglob("quarantine/*/s.parquet"))
    assert [row["id"] for row in pq.read_table(quarantine[0]).to_pylist()] == [1]


@pytest.mark.slow
@pytest.mark.parametrize(
    ("segment", "right"),
    [
        ("where: \"email = 'b@y'\"", [2]),
        ("where: \"Email = 'b@y'\"", []),
        ("where: \"t.Email = 'B@x' and email in (select email from t) -- both\"", [2]),
        ("sql: \"select id from t where email = 'a@y'\"", [1]),
    ],
)
def test_a_segment_asks_the_column_that_it_names(world: World, segment: str, right: list[int]) -> None:
    world.dataset("t", TWINS)
    declare(world, "kind: segment-export\nsegments: [s]\nfields: [id]", segment=segment)
    assert evaluate(world) == right


def test_a_condition_that_could_mean_either_is_refused(world: World) -> None:
    world.dataset("t", TWINS)
    declare(world, "kind: segment-export\nsegments: [s]\nfields: [id]", segment="where: \"EMAIL = 'b@y'\"")
    with pytest.raises(DefinitionError, match="is ambiguous: 'Email' and 'email' differ only in case") as refused:
        evaluate(world)
    assert refused.value.subject == ("segments", "s", "where")


@pytest.mark.slow
@pytest.mark.parametrize("key", ["id", "ID"])
def test_members_are_told_by_the_key_that_is_declared(world: World, key: str) -> None:
    world.dataset("t", KEYS)
    declare(world, "kind: segment-export\nsegments: [s]\nfields: [v]", segment="where: \"v in ('a', 'b')\"", key=key)
    assert evaluate(world) == KEYS[key].to_pylist()[:2]
    assert delivered(world) == [{"v": "a"}, {"v": "b"}]


@pytest.mark.slow
def test_a_row_that_the_engine_does_not_give_back_is_missed(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    world.dataset("t", KEYS)
    declare(world, "kind: segment-export\nsegments: [s]\nfields: [{field: v, required: true}]")
    evaluate(world)
    whole = verdicts._batches

    def clipped(*asked: Any) -> Iterator[pa.RecordBatch]:
        return (batch.slice(0, batch.num_rows - 1) for batch in whole(*asked))

    monkeypatch.setattr(verdicts, "_batches", clipped)
    with pytest.raises(FatalError, match="the engine returned other rows than it read"):
        world.extract("out")


@pytest.mark.slow
def test_a_partition_folder_counts_too(world: World) -> None:
    (world.root / "lake/t/day=7").mkdir(parents=True)
    pq.write_table(pa.table({"id": [1], "Day": ["mon"]}), world.root / "lake/t/day=7/1.parquet")
    declare(
        world,
        "kind: segment-export\nsegments: [s]\nfields: [{as: A, sql: upper(Day)}, {as: B, sql: day + 1}]",
        segment="where: \"Day = 'mon' and day = 7\"",
    )
    assert evaluate(world) == [1]
    assert delivered(world) == [{"A": "MON", "B": 8}]


@pytest.mark.slow
def test_changes_are_of_every_column_and_by_the_key(world: World) -> None:
    declare(world, "kind: data-out-export\nentities: [t]\nmode: changes")
    world.dataset("t", KEYS)
    assert len(delivered(world)) == 3
    changed = KEYS.set_column(1, "ID", pa.array([3, 31, 1]))
    world.dataset("t", changed)
    (row,) = delivered(world, "manual__2")
    assert (row["id"], row["ID"], row["v"]) == (2, 31, "b")


@pytest.mark.slow
def test_one_row_a_key_is_by_the_columns_that_are_named(world: World) -> None:
    table = pa.table({"id": [1, 1, 2], "ID": [1, 2, 2], "at": [1, 2, 3], "At": [9, 8, 7]})
    declare(world, "kind: data-out-export\nentities: [t]\nunique: {by: [id], order: At}")
    world.dataset("t", table)
    assert [(row["id"], row["at"]) for row in delivered(world)] == [(1, 1), (2, 3)]


@pytest.mark.slow
def test_a_cursor_is_the_column_that_is_named(world: World) -> None:
    table = pa.table({"id": [1, 2], "At": [20, 10], "at": [1, 2]})
    declare(world, "kind: data-out-export\nentities: [t]\nmode: incremental", ", incremental: {column: at}")
    world.dataset("t", table.slice(0, 1))
    assert [row["id"] for row in delivered(world)] == [1]
    world.dataset("t", table)
    assert [row["id"] for row in delivered(world, "manual__2")] == [2]


def test_a_column_in_another_case_in_a_later_file_sends_nothing(world: World) -> None:
    declare(world, "kind: data-out-export\nentities: [t]")
    world.dataset("t", pa.table({"id": [1], "name": ["a"]}))
    pq.write_table(pa.table({"ID": [2], "NAME": ["b"]}), world.root / "lake/t/001.parquet")
    with pytest.raises(FatalError, match=r"column 'id' of t/000\.parquet is 'ID' in t/001\.parquet"):
        world.extract("out")
    assert world.delivered() == []
