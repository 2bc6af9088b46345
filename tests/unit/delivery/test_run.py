"""A run from declaration to manifest, outside Airflow: the steps as its tasks would call them."""

from __future__ import annotations

import csv
import gzip
import io
import json
import shutil
from decimal import Decimal
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from sluice.delivery.verify import read_manifest, verify
from sluice.destinations.local import Local
from sluice.errors import DefinitionError, FatalError, Skipped
from sluice.model.manifest import Manifest
from tests.builders import World

PEOPLE = pa.table(
    {
        "id": range(1000),
        "name": [f"Név {n}" for n in range(1000)],
        "phone": [None if n % 10 == 0 else f"+36 {n}" for n in range(1000)],
        "town": ["Győr" if n % 4 else "Pécs" for n in range(1000)],
    }
)
FILES = {
    "catalog/datasets.yaml": """
        people:
          kind: profile
          key: id
          source: {type: parquet, airflow_conn_id: lake, path: people}
        """,
    "catalog/segments.yaml": """
        pecs: {dataset: people, where: town = 'Pécs'}
        nobody: {dataset: people, where: id < 0}
        """,
    "connections/out.yaml": "{type: local, airflow_conn_id: out, folder: drop, limits: {records_per_segment: 400}}",
    "exports/pecs.yaml": """
        kind: segment-export
        connection: out
        segments: [pecs]
        fields: [id, {field: phone, required: true}]
        format: {type: csv}
        chunks: {records: 60}
        """,
    "exports/all_people.yaml": """
        kind: dataset-export
        connection: out
        datasets: [people]
        mode: full
        format: {type: json}
        chunks: {records: 300}
        """,
}


@pytest.fixture
def world(tmp_path: Path) -> World:
    world = World(tmp_path)
    world.declare(FILES)
    world.dataset("people", PEOPLE, files=3)
    return world


def manifest_of(world: World) -> Manifest:
    (found,) = [name for name in world.delivered() if "manifest-" in name]
    return Manifest.model_validate_json((world.root / "out" / found).read_bytes())


def rows_of(world: World, manifest: Manifest) -> list[dict[str, str]]:
    rows: list[dict[str, str]] = []
    for part in manifest.exportResults:
        text = gzip.decompress((world.root / "out" / "drop" / part.path).read_bytes()).decode()
        found = list(csv.DictReader(io.StringIO(text, newline="")))
        assert len(found) == part.records
        rows += found
    return rows


@pytest.mark.slow
def test_a_segment_arrives_whole_with_its_rejects_counted(world: World) -> None:
    world.refresh("pecs")
    report = world.run("pecs")
    members = [n for n in range(1000) if n % 4 == 0]
    wanted = [{"id": str(n), "phone": f"+36 {n}"} for n in members if n % 10]
    assert rows_of(world, manifest_of(world)) == wanted
    assert (report.records, report.rejected) == (len(wanted), len(members) - len(wanted))
    assert report.files == -(-len(wanted) // 60)


@pytest.mark.slow
def test_text_that_is_stored_as_views_is_text(world: World) -> None:
    views = [field.with_type(pa.string_view()) if field.type == pa.string() else field for field in PEOPLE.schema]
    world.dataset("people", PEOPLE.cast(pa.schema(views)), files=3)
    world.refresh("pecs")
    assert world.run("pecs").records == 200


@pytest.mark.slow
def test_folders_and_names_are_the_products(world: World) -> None:
    world.run("all_people")
    parts = [name for name in world.delivered() if "part-" in name]
    assert len(parts) == 4
    assert parts[0].startswith("drop/people/exportTime=202603090405/part-00000-tid-")
    assert parts[0].endswith("-0-1-c000.json.gz")
    manifest = manifest_of(world)
    assert manifest.scheduledTime == "2026-03-09T04:05:00Z"
    assert [part.records for part in manifest.exportResults] == [300, 300, 300, 100]


@pytest.mark.slow
def test_the_same_run_gives_the_same_bytes(world: World) -> None:
    world.run("all_people", "run-1")
    first = {name: (world.root / "out" / name).read_bytes() for name in world.delivered()}
    world.run("all_people", "run-1")
    assert {name: (world.root / "out" / name).read_bytes() for name in world.delivered()} == first


@pytest.mark.slow
def test_two_runs_share_no_name(world: World) -> None:
    world.run("all_people", "run-1")
    before = set(world.delivered())
    world.run("all_people", "run-2")
    assert len(set(world.delivered()) - before) == len(before)


@pytest.mark.slow
def test_a_retry_reads_what_was_pinned_and_notices_what_changed(world: World) -> None:
    staged = world.extract("all_people")
    world.dataset("people", PEOPLE.slice(0, 900), files=3)
    with pytest.raises(FatalError, match="was overwritten"):
        world.upload(staged)
    assert world.run("all_people").records == 900


@pytest.mark.slow
def test_an_edited_declaration_is_extracted_anew(world: World) -> None:
    staged = world.extract("all_people")
    world.upload(staged)
    world.declare({"exports/all_people.yaml": FILES["exports/all_people.yaml"].replace("300", "500")})
    assert world.run("all_people").files == 2


@pytest.mark.slow
def test_nothing_counts_before_publish_and_abort_removes_it(world: World) -> None:
    staged = world.extract("all_people")
    world.upload(staged)
    (world.root / "out" / "drop" / "people" / "exportTime=202603090405" / "someone-elses.txt").write_text("mine")
    assert not [name for name in world.delivered() if "manifest" in name]
    done = world.abort(staged)
    assert (done.published, done.removed) == (False, 4)
    assert world.delivered() == ["drop/people/exportTime=202603090405/someone-elses.txt"]


@pytest.mark.slow
def test_abort_leaves_a_published_delivery_alone(world: World) -> None:
    world.run("all_people")
    before = world.delivered()
    assert world.abort(world.extract("all_people")).published
    assert world.delivered() == before


@pytest.mark.slow
@pytest.mark.parametrize("harm", ["shorten", "remove"])
def test_publish_refuses_what_does_not_add_up(world: World, harm: str) -> None:
    staged = world.extract("all_people")
    world.upload(staged)
    (first, *_) = [name for name in world.delivered() if "part-00001" in name]
    path = world.root / "out" / first
    path.write_bytes(path.read_bytes()[:-1]) if harm == "shorten" else path.unlink()
    with pytest.raises(FatalError, match="part-00001"):
        world.publish(staged)
    assert not [name for name in world.delivered() if "manifest" in name]


@pytest.mark.slow
def test_publish_refuses_receipts_that_do_not_add_up(world: World) -> None:
    staged = world.extract("all_people")
    world.upload(staged)
    (receipts,) = (world.root / "sluice_staging").rglob("sent/0000.json")
    sent = json.loads(receipts.read_text())
    sent["parts"][0]["records"] -= 1
    receipts.write_text(json.dumps(sent))
    with pytest.raises(FatalError, match="1,000 records were counted and 999 were written"):
        world.publish(staged)
    assert not [name for name in world.delivered() if "manifest" in name]


@pytest.mark.slow
def test_a_server_may_take_files_away_as_they_arrive(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Local, "stays", property(lambda _: False))
    staged = world.extract("all_people")
    world.upload(staged)
    (taken, *others) = [name for name in world.delivered() if "part-" in name]
    (world.root / "out" / taken).unlink()
    world.publish(staged)
    (manifest,) = [name for name in world.delivered() if "manifest-" in name]
    (world.root / "out" / manifest).unlink()
    assert world.abort(staged).published
    assert world.delivered() == others


@pytest.mark.slow
def test_an_empty_segment_publishes_an_empty_manifest(world: World) -> None:
    world.refresh("nobody")
    world.declare({"exports/none.yaml": FILES["exports/pecs.yaml"].replace("[pecs]", "[nobody]")})
    assert world.run("none").files == 0
    assert manifest_of(world).records == 0


@pytest.mark.slow
def test_a_segment_over_the_targets_limit_is_skipped(world: World) -> None:
    world.refresh("pecs")
    world.declare({"connections/out.yaml": FILES["connections/out.yaml"].replace("400", "100")})
    with pytest.raises(Skipped, match="accepts 100"):
        world.extract("pecs")
    assert world.delivered() == []


def test_a_segment_that_was_never_refreshed_says_what_to_do(world: World) -> None:
    with pytest.raises(FatalError, match="system_refresh"):
        world.extract("pecs")


@pytest.mark.parametrize(
    ("path", "old", "new", "says"),
    [
        ("catalog/segments.yaml", "pecs: {dataset: people", "pecs: {dataset: firms", "people by `id`"),
        ("catalog/datasets.yaml", "key: id", "key: firm", "is of people by `firm`"),
    ],
)
def test_members_of_another_dataset_or_by_another_column_are_not_delivered(
    world: World, path: str, old: str, new: str, says: str
) -> None:
    """The same numbers are other people there: the segment was declared anew since its last refresh."""
    world.dataset("firms", PEOPLE)
    world.dataset("people", PEOPLE.append_column("firm", pa.array(range(999, -1, -1))))
    firms = "firms: {kind: profile, key: id, source: {type: parquet, airflow_conn_id: lake, path: firms}}"
    world.declare({"catalog/datasets/firms.yaml": firms})
    world.refresh("pecs")
    declared = (world.include / path).read_text()
    assert old in declared
    world.declare({path: declared.replace(old, new)})
    with pytest.raises(FatalError, match="its last refresh listed the members of") as refused:
        world.extract("pecs")
    assert says in str(refused.value)
    assert "`sluice refresh`" in str(refused.value.page())
    world.refresh("pecs")
    assert world.extract("pecs")


FOREIGN = {
    "half": pa.array(np.arange(1000, dtype=np.float16)),
    "halves": pa.array([[np.float16(1)]] * 1000, pa.list_(pa.float16())),
    "wide": pa.array([Decimal(1)] * 1000, pa.decimal256(60, 2)),
}
"""Columns of types that DuckDB does not have: embeddings, and amounts of a warehouse."""


def test_a_column_that_sql_cannot_use_is_in_no_segments_way(world: World) -> None:
    shutil.rmtree(world.root / "lake" / "people")
    world.dataset("people", pa.table({**{name: PEOPLE[name] for name in PEOPLE.column_names}, **FOREIGN}))
    world.refresh("pecs")
    assert world.extract("pecs")


@pytest.mark.parametrize(
    "more",
    [
        "fields: [id, {field: half, required: true}]",
        "fields: [id, half, {sql: id + 1, as: next}]",
        "unique: {by: [wide]}",
    ],
)
def test_what_would_use_it_is_refused_by_its_name(world: World, more: str) -> None:
    world.refresh("pecs")
    shutil.rmtree(world.root / "lake" / "people")
    world.dataset("people", pa.table({**{name: PEOPLE[name] for name in PEOPLE.column_names}, **FOREIGN}))
    start = "{kind: segment-export, connection: out, segments: [pecs], format: {type: json}, "
    world.declare({"exports/pecs.yaml": f"{start}{'' if 'fields' in more else 'fields: [id], '}{more}}}"})
    with pytest.raises(DefinitionError, match=r"column `(half|wide)` is of type .*, which SQL cannot use"):
        world.extract("pecs")


@pytest.mark.slow
def test_a_missing_column_fails_at_extract(world: World) -> None:
    world.refresh("pecs")
    world.declare({"exports/pecs.yaml": FILES["exports/pecs.yaml"].replace("[id, ", "[idd, ")})
    with pytest.raises(DefinitionError) as caught:
        world.extract("pecs")
    assert caught.value.nearest == "id"
    assert caught.value.subject == ("exports", "pecs", "fields", 0)
    assert world.delivered() == []


@pytest.mark.slow
def test_whole_entities_bring_their_schema(world: World) -> None:
    world.declare({"exports/entities.yaml": "{kind: data-out-export, connection: out, entities: [people]}"})
    world.run("entities")
    (found,) = [name for name in world.delivered() if name.endswith("model.json")]
    model = json.loads((world.root / "out" / found).read_bytes())
    assert [one["name"] for one in model["entities"][0]["attributes"]] == PEOPLE.schema.names
    assert model["entities"][0]["attributes"][0]["dataType"] == "int64"
    assert len(model["entities"][0]["partitions"]) == 1


@pytest.mark.slow
def test_parquet_parts_read_back(world: World) -> None:
    text = FILES["exports/all_people.yaml"].replace("{type: json}", "{type: parquet}")
    world.declare({"exports/all_people.yaml": text})
    world.run("all_people")
    parts = [world.root / "out" / name for name in world.delivered() if name.endswith(".gz.parquet")]
    assert pa.concat_tables(pq.read_table(part) for part in parts).to_pydict() == PEOPLE.to_pydict()


class TestVerify:
    @pytest.fixture
    def folder(self, world: World) -> Path:
        world.run("all_people")
        return world.root / "out" / "drop"

    def findings(self, world: World) -> list[str]:
        plan = world.plan("all_people")
        destination = plan.connection.destination.open(world, name="out", threads=2)
        return list(verify(read_manifest(plan.manifest, destination), destination))

    def part(self, folder: Path, number: int) -> Path:
        (found,) = folder.rglob(f"part-{number:05d}-*")
        return found

    @pytest.mark.slow
    def test_a_sound_delivery_has_no_findings(self, world: World, folder: Path) -> None:
        assert self.findings(world) == []

    @pytest.mark.slow
    def test_a_flipped_byte(self, world: World, folder: Path) -> None:
        body = bytearray(self.part(folder, 2).read_bytes())
        body[len(body) // 2] ^= 1
        self.part(folder, 2).write_bytes(body)
        (found,) = self.findings(world)
        assert found.startswith("bytes: ")
        assert "part-00002" in found

    @pytest.mark.slow
    def test_a_missing_part(self, world: World, folder: Path) -> None:
        self.part(folder, 0).unlink()
        (found,) = self.findings(world)
        assert found.startswith("missing: ")

    @pytest.mark.slow
    def test_an_extra_part(self, world: World, folder: Path) -> None:
        first = self.part(folder, 0)
        first.with_name(first.name.replace("part-00000", "part-00009")).write_bytes(b"")
        (found,) = self.findings(world)
        assert found.startswith("extra: ")

    @pytest.mark.slow
    def test_a_wrong_count(self, world: World, folder: Path) -> None:
        (path,) = folder.rglob("manifest-*")
        manifest = json.loads(path.read_text())
        manifest["exportResults"][0]["records"] += 1
        path.write_text(json.dumps(manifest))
        (found,) = self.findings(world)
        assert found.startswith("totals: ")
