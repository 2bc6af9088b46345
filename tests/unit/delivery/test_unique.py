"""Deduplication by key: for every kind of export, exact, deterministic, in bounded memory."""

from __future__ import annotations

import gzip
import json
from contextlib import nullcontext
from pathlib import Path
from typing import Any, cast

import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sluice.definition.load import load
from sluice.definition.models.rows import Unique
from sluice.delivery.row_rules.unique import unique_rows
from sluice.errors import DefinitionError, FatalError, RetriableError
from sluice.memory import Budget
from sluice.model.run import Window
from sluice.sources.base import Source
from sluice.sources.row_set import RowSet
from tests.builders import NOW, World

ROWS = [
    {"id": 1, "mail": "a@x", "at": 5, "name": "old"},
    {"id": 2, "mail": "b@x", "at": 1, "name": "b"},
    {"id": 1, "mail": "a@x", "at": 9, "name": "new"},
    {"id": None, "mail": "n@x", "at": 1, "name": "nobody"},
    {"id": 1, "mail": "A@x", "at": 9, "name": "late tie"},
    {"id": None, "mail": "n@x", "at": 1, "name": "nobody else"},
    {"id": 2, "mail": "b@x", "at": None, "name": "b without time"},
]
CATALOG = {
    "catalog/datasets.yaml": """
        people:
          kind: profile
          key: id
          source: {type: parquet, airflow_conn_id: lake, path: people}
        clicks:
          kind: event
          key: id
          source: {type: parquet, airflow_conn_id: lake, path: people}
          incremental: {column: day}
        """,
    "catalog/segments.yaml": "all: {dataset: people, where: id is not null}",
    "connections/out.yaml": "{type: local, airflow_conn_id: out, takes: [profile, event]}",
}
DATASET = """
    kind: dataset-export
    connection: out
    datasets: [people]
    mode: full
    format: {type: json}
    chunks: {records: 2}
    unique: UNIQUE
    """


@pytest.fixture
def world(tmp_path: Path) -> World:
    world = World(tmp_path)
    world.declare(CATALOG)
    world.dataset("people", pa.Table.from_pylist(ROWS), files=2, row_group=2)
    return world


def delivered(world: World) -> list[dict[str, Any]]:
    parts = [world.root / "out" / name for name in world.delivered() if "part-" in name]
    return [json.loads(line) for part in sorted(parts) for line in gzip.decompress(part.read_bytes()).splitlines()]


def names(world: World) -> list[str]:
    return [row["name"] for row in delivered(world)]


@pytest.mark.slow
@pytest.mark.parametrize(
    ("spec", "expected"),
    [
        ("{}", ["nobody", "late tie", "nobody else", "b without time"]),
        ("{keep: first}", ["old", "b", "nobody", "nobody else"]),
        ("{order: at}", ["b", "nobody", "late tie", "nobody else"]),
        ("{keep: first, order: at}", ["old", "nobody", "nobody else", "b without time"]),
        ("{by: [mail]}", ["new", "late tie", "nobody else", "b without time"]),
        ("{by: [id, mail], order: at}", ["b", "new", "nobody", "late tie", "nobody else"]),
    ],
)
def test_one_row_of_each_key_is_delivered(world: World, spec: str, expected: list[str]) -> None:
    world.declare({"exports/people.yaml": DATASET.replace("UNIQUE", spec)})
    report = world.run("people")
    assert names(world) == expected
    assert (report.records, report.duplicates) == (len(expected), len(ROWS) - len(expected))
    assert report.feeds["people"].selected == len(ROWS)
    manifest = json.loads(next((world.root / "out").rglob("manifest-*")).read_bytes())
    assert [part["records"] for part in manifest["exportResults"]] == [2, 2, 1][: -(-len(expected) // 2)]
    assert manifest["feeds"]["people"]["duplicates"] == len(ROWS) - len(expected)


@pytest.mark.slow
def test_a_segment_sends_one_row_a_key(world: World) -> None:
    world.refresh("all")
    text = "{kind: segment-export, connection: out, segments: [all], fields: [name], unique: {order: at}}"
    world.declare({"exports/members.yaml": text.replace("unique", "format: {type: json}, unique")})
    report = world.run("members")
    assert names(world) == ["b", "late tie"]
    assert (report.records, report.duplicates, report.rejected) == (2, 3, 0)


@pytest.mark.slow
def test_whole_entities_are_unique_by_their_key(world: World) -> None:
    text = "{kind: data-out-export, connection: out, entities: [people], format: {type: json}, unique: {keep: first}}"
    world.declare({"exports/entities.yaml": text})
    assert world.run("entities").duplicates == 3
    assert names(world) == ["old", "b", "nobody", "nobody else"]


@pytest.mark.slow
def test_a_slice_is_unique_in_itself(world: World) -> None:
    """Rows of an earlier delivery do not count: its row of the same key was the last one then."""
    days = pa.array([*([20_000] * 3), *([20_001] * 4)], pa.date32())
    world.dataset("people", pa.Table.from_pylist(ROWS).append_column("day", days), files=2, row_group=2)
    text = DATASET.replace("[people]", "[clicks]").replace("mode: full", "").replace("UNIQUE", "{by: [id]}")
    world.declare({"exports/people.yaml": text})
    ends = [NOW.replace(year=2024, month=10, day=day) for day in (4, 5, 6)]
    assert world.run("people", window=Window(after=ends[0], until=ends[1])).records == 2
    assert names(world) == ["b", "new"]
    assert world.run("people", window=Window(after=ends[1], until=ends[2])).duplicates == 0
    assert len(delivered(world)) == 6


@pytest.mark.slow
def test_a_retry_and_another_run_choose_the_same_rows(world: World) -> None:
    world.declare({"exports/people.yaml": DATASET.replace("UNIQUE", "{order: at}")})
    world.run("people", "run-1")
    first = {name: (world.root / "out" / name).read_bytes() for name in world.delivered()}
    world.run("people", "run-1")
    assert {name: (world.root / "out" / name).read_bytes() for name in world.delivered()} == first


@pytest.mark.slow
def test_another_rule_names_another_extract(world: World) -> None:
    """Parts of an earlier attempt are recognized by their extract: as many rows, but not the same."""
    ids = set()
    for spec in ("{keep: first, order: at}", "{keep: last, order: at}", "{keep: first}"):
        world.declare({"exports/people.yaml": DATASET.replace("UNIQUE", spec)})
        (sent, *_) = world.upload(world.extract("people"))
        ids.add(sent.extract)
    assert len(ids) == 3


@pytest.mark.parametrize(("spec", "name"), [("{by: [idd]}", "idd"), ("{order: att}", "att")])
def test_an_unknown_column_is_told_before_anything_is_read(world: World, spec: str, name: str) -> None:
    world.declare({"exports/people.yaml": DATASET.replace("UNIQUE", spec)})
    with pytest.raises(DefinitionError, match=f"no column '{name}'") as caught:
        world.extract("people")
    assert caught.value.nearest in ("id", "at")
    assert caught.value.subject == ("exports", "people", "unique")


def test_data_that_cannot_be_read_is_told_as_such(world: World) -> None:
    world.declare({"exports/people.yaml": DATASET.replace("UNIQUE", "{}")})
    path = world.root / "lake" / "people" / "001.parquet"
    path.write_bytes(path.read_bytes()[:4] + b"\xff" * 60 + path.read_bytes()[64:])
    with pytest.raises(FatalError, match=r"001\.parquet"):
        world.extract("people")


class Lost:
    """A source whose server is out of reach."""

    def read(self, *_: object) -> Any:
        raise RetriableError("the lake is out of reach")


def test_a_lost_server_may_be_back(world: World) -> None:
    """The engine that reads the stream reports only the text of an error; the next step must not get lost."""
    source = load(world.include).project.datasets["people"].source.open(world, dataset="people")
    pinned = source.pin()
    with pytest.raises(RetriableError, match="out of reach"):
        unique_rows(
            cast("Source", Lost()), pinned, RowSet(pinned.slices, full=True), Unique(), ["id"], dataset="people"
        )


key = st.none() | st.integers(0, 4)


@pytest.mark.slow
@settings(max_examples=40, deadline=None)
@given(
    rows=st.lists(st.tuples(key, key, key), max_size=60),
    keep=st.sampled_from(["first", "last"]),
    order=st.booleans(),
    size=st.integers(1, 13),
)
def test_any_rows(
    rows: list[tuple[Any, Any, Any]], keep: str, order: bool, size: int, tmp_path_factory: pytest.TempPathFactory
) -> None:
    world = World(tmp_path_factory.mktemp("any"))
    table = pa.table([[row[i] for row in rows] for i in range(3)], schema=pa.schema([(c, pa.int64()) for c in "abt"]))
    world.declare(CATALOG)
    world.dataset("people", table, files=2, row_group=size)
    source = load(world.include).project.datasets["people"].source.open(world, dataset="people")
    pinned = source.pin()
    wanted = RowSet(pinned.slices)
    for index, piece in enumerate(pinned.slices):
        wanted.add_of(index, unique_numbers(piece.records, index))
    spec = Unique.model_validate({"keep": keep, "order": "t" if order else None})
    stays = unique_rows(source, pinned, wanted, spec, ["a", "b"], dataset="people")
    ordinals = [wanted.starts[i] + int(row) for i in range(len(pinned.slices)) for row in wanted.rows(i)]
    best: dict[Any, int] = {}
    for ordinal in ordinals if keep == "first" else reversed(ordinals):
        a, b, t = rows[ordinal]
        group = (a, b) if a is not None and b is not None else ordinal
        rank = (t is not None, t or 0) if order else (False, 0)
        known = best.get(group)
        if known is None:
            best[group] = ordinal
        elif order:
            other = rows[known][2]
            other_rank = (other is not None, other or 0)
            if (rank < other_rank) if keep == "first" else (rank > other_rank):
                best[group] = ordinal
    assert [stays.starts[i] + int(row) for i in range(len(pinned.slices)) for row in stays.rows(i)] == sorted(
        best.values()
    )


def unique_numbers(records: int, index: int) -> Any:
    """All rows of some slices, every third one left out of others."""
    import numpy as np

    rows = np.arange(records, dtype=np.uint32)
    return rows if index % 2 else rows[rows % 3 != 0]


@pytest.mark.slow
def test_keys_beyond_its_memory_spill(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """More keys than it may hold: with a place to spill they are found, with none the run says so."""
    count = 400_000
    keys = pa.array([f"{n % (count - 100):040d}" for n in range(count)])
    world.dataset("people", pa.table({"id": keys}), row_group=100_000)
    (world.root / "lake" / "people" / "001.parquet").unlink()
    monkeypatch.setattr(Budget, "engine", "24MB")
    world.declare({"exports/people.yaml": DATASET.replace("UNIQUE", "{}")})
    world.extract("people")
    (found,) = (world.root / "sluice_staging").rglob("extract/people.json")
    assert json.loads(found.read_text())["duplicates"] == 100
    monkeypatch.setattr("tempfile.TemporaryDirectory", lambda **_: nullcontext("/dev/null/nowhere"))
    with pytest.raises(FatalError, match="deduplication by key failed"):
        world.extract("people", "run-2")
