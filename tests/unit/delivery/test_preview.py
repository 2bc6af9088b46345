"""A preview shows what a delivery would hold, and leaves no trace; a delivery in one process is a delivery."""

from __future__ import annotations

import gzip
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from sluice.definition.load import load
from sluice.delivery.deliver import deliver
from sluice.delivery.preview import Preview, preview
from sluice.destinations.local import LocalFolder
from sluice.errors import DefinitionError, RetriableError, Skipped
from tests.builders import NOW, World

PEOPLE = pa.table(
    {
        "id": range(200),
        "email": [f"P{n}@Example.org" for n in range(200)],
        "phone": [None if n % 10 == 0 else f"+36 {n}" for n in range(200)],
    }
)
FILES = {
    "catalog/datasets.yaml": """
        people: {kind: profile, key: id, source: {type: parquet, airflow_conn_id: lake, path: people}}
        """,
    "catalog/segments.yaml": """
        even: {dataset: people, where: id % 2 = 0}
        late: {dataset: people, where: id in (select id from even) and id > 101, reads: [even]}
        nobody: {dataset: people, where: id < 0}
        """,
    "connections/out.yaml": "{type: local, airflow_conn_id: out, folder: drop}",
    "exports/late.yaml": """
        kind: segment-export
        connection: out
        segments: [late]
        fields:
          - id
          - {field: email, hash: sha256, as: mail}
          - {field: phone, required: true}
        format: {type: csv}
        """,
    "exports/nobody.yaml": """
        {kind: segment-export, connection: out, segments: [nobody], fields: [id], when_empty: skip, format: {type: csv}}
        """,
    "exports/everyone.yaml": "{kind: dataset-export, connection: out, datasets: [people], format: {type: csv}}",
}


@pytest.fixture
def world(tmp_path: Path) -> World:
    world = World(tmp_path / "world")
    world.declare(FILES)
    world.dataset("people", PEOPLE, files=2, row_group=30)
    return world


def previewed(world: World, export: str, rows: int, tmp_path: Path) -> list[Preview]:
    project = load(world.include).project
    return list(preview(project, world.plan(export), world, rows, tmp_path / "aside", NOW))


@pytest.mark.slow
def test_rows_are_shown_as_they_would_be_delivered(world: World, tmp_path: Path) -> None:
    (one,) = previewed(world, "late", 5, tmp_path)
    assert one.rows.schema.names == ["id", "mail", "phone"]
    assert one.rows.column("id").to_pylist() == [102, 104, 106, 108, 112], "110 has no phone"
    assert one.rejected == 1
    assert "Example" not in str(one.rows.to_pylist()), "a hash is a hash here too"
    assert not (world.root / "sluice_staging").exists()
    assert world.delivered() == []


@pytest.mark.slow
def test_the_rows_are_the_first_that_a_delivery_holds(world: World, tmp_path: Path) -> None:
    (one,) = previewed(world, "late", 1000, tmp_path)
    project = load(world.include).project
    deliver(project, world.plan("late"), world, lambda: NOW, lambda _: None)
    (part,) = [name for name in world.delivered() if name.endswith(".csv.gz")]
    lines = gzip.decompress((world.root / "out" / part).read_bytes()).decode().splitlines()[1:]
    assert [line.split(",")[0] for line in lines] == [str(key) for key in one.rows.column("id").to_pylist()]


@pytest.mark.slow
def test_members_are_those_of_the_last_refresh(world: World, tmp_path: Path) -> None:
    world.refresh("even", "late")
    world.dataset("people", PEOPLE.slice(150), files=1)
    (one,) = previewed(world, "late", 2, tmp_path)
    assert one.rows.column("id").to_pylist() == [152, 154]


@pytest.mark.slow
def test_a_whole_dataset_is_previewed_without_a_segment(world: World, tmp_path: Path) -> None:
    (one,) = previewed(world, "everyone", 3, tmp_path)
    assert one.rows.to_pylist() == PEOPLE.slice(0, 3).to_pylist()


@pytest.mark.slow
def test_a_delivery_in_one_process_evaluates_its_segments_and_publishes(world: World) -> None:
    said: list[str] = []
    project = load(world.include).project
    report = deliver(project, world.plan("late"), world, lambda: NOW, said.append)
    assert report is not None
    assert (report.outcome, report.records) == ("published", 40), "49 members, of which 9 have no phone"
    assert said[:2] == ["segment even: 100 members", "segment late: 49 members"]
    assert any("manifest-" in name for name in world.delivered())


@pytest.mark.slow
def test_incremental_goes_on_after_the_last_delivery(world: World) -> None:
    project = load(world.include).project

    def delivered(run_id: str) -> int:
        report = deliver(project, world.plan("everyone", run_id), world, lambda: NOW, lambda _: None)
        assert report is not None
        return report.records

    assert delivered("one") == 200
    assert delivered("two") == 0
    extra = world.root / "lake" / "people" / "more.parquet"
    pq.write_table(PEOPLE.slice(0, 7), extra)
    assert delivered("three") == 7


@pytest.mark.slow
def test_a_dry_run_sends_nothing(world: World) -> None:
    project = load(world.include).project
    assert deliver(project, world.plan("late", dry_run=True), world, lambda: NOW, lambda _: None) is None
    assert world.delivered() == []


@pytest.mark.slow
def test_what_fails_on_the_way_takes_its_parts_away(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    project = load(world.include).project
    put = LocalFolder.put

    def fails(self: LocalFolder, name: str, pieces: object) -> object:
        found = put(self, name, pieces)  # type: ignore[arg-type]
        if "manifest-" in name:
            raise RetriableError("the disk is gone")
        if world.delivered():
            raise RetriableError("the line is cut")
        return found

    monkeypatch.setattr(LocalFolder, "put", fails)
    said: list[str] = []
    with pytest.raises(RetriableError, match="the line is cut"):
        deliver(project, world.plan("late"), world, lambda: NOW, said.append)
    assert world.delivered() == []
    assert said[-1] == "not published: 1 parts removed"


@pytest.mark.slow
def test_the_first_failure_is_told_if_cleaning_fails_too(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    def down(*_: object) -> None:
        raise RetriableError("nothing answers")

    monkeypatch.setattr("sluice.delivery.deliver.upload", down)
    monkeypatch.setattr(
        "sluice.delivery.deliver.abort", lambda *_, **__: (_ for _ in ()).throw(RetriableError("nor now"))
    )
    said: list[str] = []
    with pytest.raises(RetriableError, match="nothing answers"):
        deliver(load(world.include).project, world.plan("late"), world, lambda: NOW, said.append)
    assert said[-1].startswith("its parts could not be removed: nor now")
    assert "`sluice clean late`" in said[-1]


@pytest.mark.slow
def test_a_rule_that_skips_a_run_is_said(world: World) -> None:
    project = load(world.include).project
    world.declare(
        {
            "connections/out.yaml": FILES["connections/out.yaml"].replace(
                "folder: drop", "folder: drop, limits: {records_per_segment: 10}"
            )
        }
    )
    with pytest.raises(Skipped):
        deliver(load(world.include).project, world.plan("late"), world, lambda: NOW, lambda _: None)
    assert project.exports


@pytest.mark.slow
def test_a_field_that_is_not_there_is_named(world: World, tmp_path: Path) -> None:
    world.declare({"exports/late.yaml": FILES["exports/late.yaml"].replace("field: phone", "field: phne")})
    with pytest.raises(DefinitionError, match="phne"):
        previewed(world, "late", 5, tmp_path)
