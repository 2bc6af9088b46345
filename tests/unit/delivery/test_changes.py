"""`mode: changes`: applying what was delivered, one after another, gives the source."""

from __future__ import annotations

import gzip
import json
import shutil
import tempfile
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from sluice.definition.load import load
from sluice.delivery.incremental import comparison, digest
from sluice.errors import DefinitionError, FatalError
from sluice.model.manifest import Manifest
from sluice.model.run import Window
from tests.builders import NOW, World

FILES = {
    "catalog/datasets.yaml": """
        people:
          {kind: profile, key: id, source: {type: parquet, airflow_conn_id: lake, path: people}}
        """,
    "catalog/segments.yaml": "vips: {dataset: people, where: score > 5}\n",
    "connections/out.yaml": "{type: local, airflow_conn_id: out, folder: drop}",
    "exports/people.yaml": """
        kind: data-out-export
        connection: out
        entities: [people]
        mode: changes
        format: {type: json}
        chunks: {records: 4}
        """,
    "exports/vips.yaml": """
        kind: segment-export
        connection: out
        segments: [vips]
        mode: changes
        format: {type: json}
        fields:
          - {field: id, as: KEY}
          - {as: NAME, sql: upper(name)}
        """,
}
SCHEMA = pa.schema([("id", pa.int64()), ("name", pa.string()), ("score", pa.float64())])
Rows = dict[int, tuple[str | None, float | None]]


@pytest.fixture
def world(tmp_path: Path) -> World:
    return made(tmp_path)


def made(root: Path) -> World:
    world = World(root)
    world.declare(FILES)
    return world


def write(world: World, rows: Rows, files: int = 2) -> None:
    shutil.rmtree(world.root / "lake" / "people", ignore_errors=True)
    columns = [list(rows), [one[0] for one in rows.values()], [one[1] for one in rows.values()]]
    world.dataset("people", pa.table(columns, schema=SCHEMA), files=files, row_group=3)


def delivered(world: World, run_id: str, export: str = "people") -> list[dict[str, Any]]:
    found = [Manifest.model_validate_json(path.read_bytes()) for path in (world.root / "out").rglob("manifest-*.json")]
    (manifest,) = [one for one in found if (one.export, one.run_id) == (export, run_id)]
    bodies = [
        gzip.decompress((world.root / "out" / "drop" / part.path).read_bytes()) for part in manifest.exportResults
    ]
    return [json.loads(line) for body in bodies for line in body.splitlines()]


def apply(kept: dict[int, dict[str, Any]], rows: list[dict[str, Any]], key: str = "id") -> None:
    """Apply a delivery as a reader does; strictly, so that a wrong kind of change fails."""
    for row in rows:
        change, own = row.pop("_change"), row[key]
        assert (own in kept) == (change != "added"), (change, own)
        if change == "removed":
            assert all(row.get(name) is None for name in row if name != key)
            del kept[own]
        else:
            assert change == "added" or kept[own] != row, "a row that did not change"
            kept[own] = row


def as_source(rows: Rows) -> dict[int, dict[str, Any]]:
    return {own: {"id": own, "name": name, "score": score} for own, (name, score) in rows.items()}


@pytest.mark.slow
def test_the_first_run_adds_everything_and_later_ones_what_differs(world: World) -> None:
    write(world, {1: ("a", 1.0), 2: ("b", None), 3: (None, 3.0)})
    world.run("people", "r1")
    write(world, {4: ("d", 4.0), 3: ("c", 3.0), 1: ("a", 1.0)})
    world.run("people", "r2")
    assert [row["_change"] for row in delivered(world, "r1")] == ["added"] * 3
    assert sorted(delivered(world, "r2"), key=lambda row: row["id"]) == [
        {"id": 2, "name": None, "score": None, "_change": "removed"},
        {"id": 3, "name": "c", "score": 3.0, "_change": "changed"},
        {"id": 4, "name": "d", "score": 4.0, "_change": "added"},
    ]
    world.run("people", "r3")
    assert delivered(world, "r3") == []


@pytest.mark.slow
def test_the_manifest_counts_them_and_model_json_has_the_column(world: World) -> None:
    write(world, {1: ("a", 1.0)})
    world.run("people", "r1")
    write(world, {2: ("b", 1.0)})
    report = world.run("people", "r2")
    manifest = Manifest.model_validate_json(Path(report.manifest).read_bytes())
    assert manifest.mode == "changes"
    assert manifest.feeds["people"].changes == {"added": 1, "changed": 0, "removed": 1}
    assert manifest.feeds["people"].columns["_change"] == "string"
    assert manifest.previous is not None
    model = json.loads((Path(report.manifest).parent / "model.json").read_text())
    assert [one["name"] for one in model["entities"][0]["attributes"]] == ["id", "name", "score", "_change"]


ROWS = st.dictionaries(
    st.integers(0, 12),
    st.tuples(st.none() | st.sampled_from(["", "a", "b"]), st.none() | st.sampled_from([0.0, 1.5])),
    max_size=12,
)


@pytest.mark.slow
@settings(max_examples=15, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(st.lists(st.tuples(ROWS, st.sampled_from(["runs", "dies early", "dies late", "full", "dry"])), max_size=7))
def test_all_deliveries_in_their_order_give_the_source(steps: list[tuple[Rows, str]]) -> None:
    with tempfile.TemporaryDirectory() as folder:
        world = made(Path(folder))
        kept: dict[int, dict[str, Any]] = {}
        for number, (rows, what) in enumerate([*steps, ({1: ("last", 1.0)}, "runs")]):
            write(world, rows)
            run = f"r{number}"
            if what == "dies early":
                world.extract("people", run)
            elif what == "dies late":
                world.upload(world.extract("people", run))
            elif what == "dry":
                world.extract("people", run, dry_run=True)
            else:
                world.run("people", run, mode="full" if what == "full" else None)
                if what == "full":
                    kept.clear()
                apply(kept, delivered(world, run))
                assert kept == as_source(rows)


@pytest.mark.slow
def test_who_left_a_segment_is_removed_and_fields_are_compared_as_delivered(world: World) -> None:
    write(world, {1: ("a", 6.0), 2: ("b", 7.0), 3: ("c", 1.0)})
    world.refresh("vips")
    world.run("vips", "r1")
    write(world, {1: ("A", 8.0), 2: ("b", 2.0), 3: ("c", 9.0)})
    world.refresh("vips")
    world.run("vips", "r2")
    kept: dict[int, dict[str, Any]] = {}
    apply(kept, delivered(world, "r1", "vips"), "KEY")
    assert kept == {1: {"KEY": 1, "NAME": "A"}, 2: {"KEY": 2, "NAME": "B"}}
    second = delivered(world, "r2", "vips")
    assert {row["KEY"]: row["_change"] for row in second} == {2: "removed", 3: "added"}
    apply(kept, second, "KEY")
    assert kept == {1: {"KEY": 1, "NAME": "A"}, 3: {"KEY": 3, "NAME": "C"}}


@pytest.mark.slow
def test_a_column_by_another_name_changes_every_row(world: World) -> None:
    write(world, {1: ("a", 6.0)})
    world.refresh("vips")
    world.run("vips", "r1")
    world.declare({"exports/vips.yaml": FILES["exports/vips.yaml"].replace("as: NAME", "as: CALLED")})
    world.run("vips", "r2")
    assert delivered(world, "r2", "vips") == [{"KEY": 1, "CALLED": "A", "_change": "changed"}]


@pytest.mark.slow
def test_a_retry_sends_the_same_though_the_data_has_changed_since(world: World) -> None:
    write(world, {1: ("a", 1.0)})
    staged = world.extract("people", "r1")
    write(world, {2: ("b", 2.0)})
    assert world.extract("people", "r1") == staged
    world.upload(staged)
    world.publish(staged)
    assert [row["id"] for row in delivered(world, "r1")] == [1]


@pytest.mark.slow
def test_what_was_delivered_is_remembered_once(world: World) -> None:
    """Older files go; the last delivery's stays, also while runs die after it."""
    kept = world.root / "sluice_staging" / "staging" / "deliveries" / "people" / "rows" / "people"
    for number in range(5):
        write(world, {number: ("a", 1.0)})
        world.run("people", f"r{number}")
        world.extract("people", f"dead{number}")
    assert (kept.parents[1] / world.watermarks["people"]["feeds"]["people"]["at"]).exists()
    assert len(list(kept.iterdir())) <= 4
    (kept.parents[1] / world.watermarks["people"]["feeds"]["people"]["at"]).unlink()
    with pytest.raises(FatalError, match="has lost the record of the last delivery") as page:
        world.extract("people", "r9")
    assert "mode `full`" in page.value.page()
    world.run("people", "r10", mode="full")
    assert [row["_change"] for row in delivered(world, "r10")] == ["added"]


@pytest.mark.slow
def test_a_published_run_that_comes_again_and_dies_forgets_nothing(world: World) -> None:
    """Its manifest was removed; what the watermark names stays as it was published."""
    write(world, {1: ("a", 1.0)})
    report = world.run("people", "r1")
    Path(report.manifest).unlink()
    write(world, {2: ("b", 1.0)})
    world.extract("people", "r1")
    world.run("people", "r2")
    assert [(row["id"], row["_change"]) for row in delivered(world, "r2")] == [(2, "added"), (1, "removed")]


@pytest.mark.slow
def test_more_rows_than_the_engine_gives_at_once(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(comparison, "_BATCH", 7)
    before: Rows = {n: (str(n), 1.0) for n in range(200)}
    after: Rows = {n: (str(n), 1.0 if n % 3 else 2.0) for n in range(50, 260)}
    write(world, before)
    world.run("people", "r1")
    write(world, after)
    world.run("people", "r2")
    kept: dict[int, dict[str, Any]] = {}
    apply(kept, delivered(world, "r1"))
    apply(kept, delivered(world, "r2"))
    assert kept == as_source(after)


@pytest.mark.parametrize(
    ("ids", "says"), [([1, 1, 2], "2 rows share 1 of its id"), ([None, 2, None], "2 rows have no id")]
)
def test_rows_without_a_key_of_their_own_are_refused(world: World, ids: list[int | None], says: str) -> None:
    world.dataset("people", pa.table([ids, ["a"] * 3, [1.0] * 3], schema=SCHEMA))
    with pytest.raises(FatalError, match=says):
        world.extract("people", "r1")


@pytest.mark.slow
def test_a_key_of_another_type_starts_anew_only_when_asked(world: World) -> None:
    write(world, {1: ("a", 1.0)})
    world.run("people", "r1")
    world.dataset("people", pa.table({"id": ["1"], "name": ["a"], "score": [1.0]}), files=2)
    with pytest.raises(FatalError, match="its key was int64, but is string now"):
        world.extract("people", "r2")


@pytest.mark.slow
@pytest.mark.parametrize("name", [None, b"another"], ids=["DuckDB's own, as it was", "another form"])
def test_rows_remembered_by_another_digest_are_refused_until_a_full_run(world: World, name: bytes | None) -> None:
    write(world, {1: ("a", 1.0)})
    world.run("people", "r1")
    staged = world.root / "sluice_staging" / "staging" / "deliveries" / "people"
    path = staged / world.watermarks["people"]["feeds"]["people"]["at"]
    table = pq.read_table(path)
    assert table.schema.metadata == {b"sluice.digest": digest.NAME.encode()}
    pq.write_table(table.replace_schema_metadata({b"sluice.digest": name} if name else None), path)
    with pytest.raises(FatalError, match="uses a digest that this version does not support") as refused:
        world.extract("people", "r2")
    assert "the mode `full`" in refused.value.next_step
    write(world, {1: ("a", 1.0), 2: ("b", 2.0)})
    world.run("people", "r3", mode="full")
    world.run("people", "r4")
    assert ([row["_change"] for row in delivered(world, "r3")], delivered(world, "r4")) == (["added"] * 2, [])


@pytest.mark.slow
def test_a_zero_that_turns_negative_and_a_text_that_turns_empty_are_changes(world: World) -> None:
    write(world, {1: (None, 0.0), 2: ("a", float("nan")), 3: ("", 1.0)})
    world.run("people", "r1")
    write(world, {1: ("", 0.0), 2: ("a", -float("nan")), 3: ("", 1.0)})
    world.run("people", "r2")
    write(world, {1: ("", -0.0), 2: ("a", float("nan")), 3: ("", 1.0)})
    world.run("people", "r3")
    assert [[row["id"] for row in delivered(world, run)] for run in ("r2", "r3")] == [[1], [1]]


@pytest.mark.slow
def test_another_mode_before_starts_anew_only_when_asked(world: World) -> None:
    text = FILES["exports/people.yaml"]
    world.declare({"exports/people.yaml": text.replace("mode: changes", "mode: incremental")})
    write(world, {1: ("a", 1.0)})
    world.run("people", "r1")
    world.declare({"exports/people.yaml": text})
    with pytest.raises(FatalError, match="the last delivery was incremental by files"):
        world.extract("people", "r2")
    world.run("people", "r3", mode="full")
    world.run("people", "r4")
    assert delivered(world, "r4") == []


def test_a_slice_of_time_of_changes_is_refused(world: World) -> None:
    with pytest.raises(DefinitionError, match="has `mode: changes`, so its runs cannot deliver a slice of time"):
        world.plan("people", window=Window(after=NOW.replace(hour=1), until=NOW))
    with pytest.raises(DefinitionError, match="cannot have `mode: incremental`"):
        world.plan("people", mode="incremental")


@pytest.mark.parametrize(
    ("name", "text", "says"),
    [
        ("catalog/datasets.yaml", FILES["catalog/datasets.yaml"].replace("profile", "event"), "contains events"),
        ("exports/vips.yaml", FILES["exports/vips.yaml"].replace("{field: id, as: KEY}", "score"), "the key `id`"),
        ("exports/vips.yaml", FILES["exports/vips.yaml"].replace("as: NAME", "as: _CHANGE"), "`_change` is reserved"),
    ],
)
def test_what_cannot_be_compared_is_told_before(world: World, name: str, text: str, says: str) -> None:
    world.declare({name: text})
    assert any(says in error.what for error in load(world.include).errors)
