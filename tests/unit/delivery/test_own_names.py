"""Names that the reader dictates: nothing of another run is ever overwritten or removed."""

import random
import re
import threading
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pyarrow as pa
import pytest

from sluice.definition.load import load
from sluice.delivery.cleaning.clean import Cleaner
from sluice.delivery.staging import StagedRun
from sluice.delivery.verify import read_manifest, verify
from sluice.destinations.base import Destination
from sluice.errors import FatalError
from sluice.plan.explain import explain
from tests.builders import World

CATALOG = """
    people: {kind: profile, key: id, source: {type: parquet, airflow_conn_id: lake, path: people}}
    towns: {kind: profile, key: id, source: {type: parquet, airflow_conn_id: lake, path: towns}}
    """
EXPORT = "{{kind: dataset-export, connection: out, datasets: [{feeds}], mode: full, folder: /, {more}, file: {file}}}"
EPOCH = '{name: "cust_%EPOCH%.sync%SPLIT%", extension: gz, unique: second, split: {before: ., bare: single}}'


@pytest.fixture
def world(tmp_path: Path) -> World:
    world = World(tmp_path)
    world.declare({"catalog/datasets.yaml": CATALOG, "connections/out.yaml": "{type: local, airflow_conn_id: out}"})
    world.dataset("people", pa.table({"id": list(range(25))}))
    world.dataset("towns", pa.table({"id": list(range(3))}))
    return world


class Died(BaseException):
    """The process is killed."""


def declare(
    world: World, file: str, more: str = "chunks: {records: 10}", feeds: str = "people", name: str = "all"
) -> None:
    world.declare({f"exports/{name}.yaml": EXPORT.format(file=file, more=more, feeds=feeds)})


def names(world: World) -> list[str]:
    """The files that are no manifests."""
    return [name for name in world.delivered() if "manifest-" not in name]


def clean(world: World, but: str = "", export: str = "all") -> None:
    """What the next run does first."""
    plan = world.plan(export)
    list(Cleaner(plan.staging, export, world, lambda run: run != but).clean(world.now))


def bodies(world: World) -> Mapping[str, bytes]:
    return {name: (world.root / "out" / name).read_bytes() for name in world.delivered()}


def opened(world: World, export: str = "all") -> Destination:
    return world.plan(export).connection.destination.open(world, name="out", threads=1)


def findings(world: World, run: str) -> list[str]:
    at = opened(world)
    return list(verify(read_manifest(world.plan("all", run).manifest, at), at))


def test_numbers_start_at_one_and_a_single_file_has_none(world: World) -> None:
    declare(world, EPOCH)
    epoch = int(world.now.timestamp())
    world.run("all")
    assert names(world) == [f"cust_{epoch}.sync.{number}.gz" for number in (1, 2, 3)]
    world.now += timedelta(seconds=1)
    declare(world, EPOCH, more="chunks: {records: 100}")
    world.run("all", "manual__2")
    assert names(world)[-1] == f"cust_{epoch + 1}.sync.gz"


def test_a_file_that_is_cut_by_bytes_keeps_its_number_apart(world: World) -> None:
    letters = random.Random(0)
    texts = ["".join(letters.choices("abcdefgh", k=1 if n < 300 else 900)) for n in range(400)]
    world.dataset("people", pa.table({"id": range(400), "text": texts}))
    declare(world, EPOCH, more="chunks: {bytes: 20000, records: 200}")
    world.run("all")
    numbers = sorted(int(name.split(".")[2]) for name in names(world))
    assert numbers[0] == 1
    assert 10_001 in numbers
    assert {number % 10_000 for number in numbers} == {1, 2}
    assert findings(world, "manual__1") == []


def test_a_second_run_of_the_same_second_sends_nothing(world: World) -> None:
    """A scheduled run and a manual one are due together."""
    declare(world, EPOCH)
    world.run("all", "scheduled__1")
    before = bodies(world)
    staged = world.extract("all", "manual__2")
    with pytest.raises(FatalError, match="scheduled__1 of all has the same file names"):
        world.upload(staged)
    assert world.abort(staged).removed == 0
    clean(world)
    assert bodies(world) == before
    assert findings(world, "scheduled__1") == []


def test_a_run_is_not_disturbed_by_one_that_starts_while_it_sends(world: World) -> None:
    declare(world, EPOCH)
    first, second = world.extract("all", "scheduled__1"), world.extract("all", "manual__2")
    world.upload(first)
    with pytest.raises(FatalError, match="nothing was sent") as refused:
        world.upload(second)
    assert "sluice clean all" in refused.value.page()
    world.abort(second)
    clean(world, but="scheduled__1")
    world.publish(first)
    assert findings(world, "scheduled__1") == []


def test_names_of_a_run_that_was_cleaned_are_free_again(world: World) -> None:
    declare(world, EPOCH)
    first = world.extract("all", "scheduled__1")
    world.upload(first)
    world.abort(first)
    clean(world)
    assert names(world) == []
    world.run("all", "manual__2")
    assert len(names(world)) == 3
    with pytest.raises(FatalError, match="manual__2 of all has the same file names"):
        world.upload(first)  # the first one is cleared
    world.abort(first)
    assert findings(world, "manual__2") == []


def test_a_file_of_someone_else_is_not_replaced(world: World) -> None:
    declare(world, EPOCH)
    epoch = int(world.now.timestamp())
    (world.root / "out").mkdir()
    (world.root / "out" / f"cust_{epoch}.sync.2.gz").write_bytes(b"mine")
    staged = world.extract("all")
    with pytest.raises(FatalError, match="exists already"):
        world.upload(staged)
    world.abort(staged)
    assert bodies(world) == {f"cust_{epoch}.sync.2.gz": b"mine"}


def test_two_tasks_of_one_run_share_its_names(world: World) -> None:
    declare(world, EPOCH, feeds="people, towns", more="chunks: {records: 10}")
    declare(world, EPOCH.replace("cust", "%DATASET_ID%"), feeds="people, towns")
    world.run("all")
    assert len(names(world)) == 4
    world.upload(StagedRun.of(world.plan("all")))  # cleared: it sends the same again
    world.publish(StagedRun.of(world.plan("all")))
    assert findings(world, "manual__1") == []


def test_two_exports_never_share_a_name(world: World) -> None:
    """They are refused by `check`; one whose declaration is not checked with the other's is refused when it sends."""
    declare(world, EPOCH)
    declare(world, EPOCH, name="other")
    world.run("all")
    before = bodies(world)
    staged = world.extract("other")
    with pytest.raises(FatalError, match="manual__1 of all has the same file names"):
        world.upload(staged)
    world.abort(staged)
    assert bodies(world) == before


def test_runs_that_start_together_never_both_send(world: World) -> None:
    declare(world, EPOCH)
    staged = [world.extract("all", f"manual__{number}") for number in range(4)]
    done: list[str] = []
    barrier = threading.Barrier(4)

    def send(run: StagedRun) -> None:
        barrier.wait()
        try:
            world.upload(run)
        except FatalError:
            world.abort(run)
        else:
            done.append(run.folder)

    threads = [threading.Thread(target=send, args=(run,)) for run in staged]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(done) <= 1
    if done:
        world.publish(next(run for run in staged if run.folder == done[0]))
        assert len(names(world)) == 3


REPLACED = '{name: "customers_%SPLIT%", replaces: true}'


def test_a_delivery_replaces_the_one_before_it(world: World) -> None:
    declare(world, REPLACED)
    world.run("all", "manual__1")
    world.abort(StagedRun.of(world.plan("all", "manual__1")))
    world.dataset("people", pa.table({"id": list(range(15))}))
    world.now += timedelta(days=1)
    world.run("all", "manual__2")
    assert names(world) == ["customers_1.json.gz", "customers_2.json.gz"]
    assert len(world.delivered()) == 3, "the manifest of the first is withdrawn"
    assert findings(world, "manual__2") == []
    with pytest.raises(FatalError, match="manual__2 of all has replaced the files of this run"):
        world.upload(StagedRun.of(world.plan("all", "manual__1")))
    with pytest.raises(FatalError, match="has replaced"):
        world.publish(StagedRun.of(world.plan("all", "manual__1")))
    clean(world)
    assert findings(world, "manual__2") == []


def test_a_delivery_that_fails_while_it_replaces_leaves_no_half(world: World) -> None:
    declare(world, REPLACED)
    world.run("all", "manual__1")
    world.abort(StagedRun.of(world.plan("all", "manual__1")))
    staged = world.extract("all", "manual__2")
    world.upload(staged)
    world.abort(staged)
    assert world.delivered() == []


def test_an_empty_delivery_replaces_too(world: World) -> None:
    declare(world, REPLACED)
    world.run("all", "manual__1")
    world.abort(StagedRun.of(world.plan("all", "manual__1")))
    world.dataset("people", pa.table({"id": pa.array([], pa.int64())}))
    world.run("all", "manual__2")
    assert names(world) == []
    assert len(world.delivered()) == 1


TRIGGERS = '{name: "cust_%EPOCH%_%SPLIT%", unique: second, trigger: TRIGGER}'


@pytest.mark.parametrize("written", ["before-manifest", "after-manifest"])
def test_each_file_has_its_trigger(world: World, written: str) -> None:
    declare(world, TRIGGERS.replace("TRIGGER", f"{{suffix: .fin, written: {written}}}"))
    world.run("all")
    found = names(world)
    assert len(found) == 6
    assert [name for name in found if f"{name}.fin" in found] == [name for name in found if not name.endswith(".fin")]
    assert all(not body for name, body in bodies(world).items() if name.endswith(".fin"))
    assert findings(world, "manual__1") == []
    trigger = next(name for name in found if name.endswith(".fin"))
    (world.root / "out" / trigger).unlink()
    assert findings(world, "manual__1") == [f"missing: the trigger file {trigger}"]


def test_a_trigger_file_stands_in_place_of_the_extension(world: World) -> None:
    declare(world, TRIGGERS.replace("TRIGGER", "{suffix: .fin, after: name}"))
    world.run("all")
    epoch = int(world.now.timestamp())
    assert [name for name in names(world) if "_1." in name] == [f"cust_{epoch}_1.fin", f"cust_{epoch}_1.json.gz"]
    assert findings(world, "manual__1") == []
    (world.root / "out" / f"cust_{epoch}_1.fin").unlink()
    assert findings(world, "manual__1") == [f"missing: the trigger file cust_{epoch}_1.fin"]


@pytest.mark.parametrize("written", ["before-manifest", "after-manifest"])
def test_nothing_triggers_before_the_delivery_is_decided(world: World, written: str) -> None:
    declare(world, TRIGGERS.replace("TRIGGER", f'{{name: "done_%EPOCH%.trg", written: {written}}}'))
    staged = world.extract("all")
    world.upload(staged)
    assert not any("done" in name for name in world.delivered())
    world.publish(staged)
    assert sum("done" in name for name in world.delivered()) == 1
    written_at = {name: (world.root / "out" / name).stat().st_mtime_ns for name in world.delivered()}
    trigger = next(name for name in written_at if "done" in name)
    manifest = next(name for name in written_at if "manifest" in name)
    assert (written_at[trigger] < written_at[manifest]) == (written == "before-manifest")


def test_a_run_that_another_process_finishes_triggers_too(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    declare(world, TRIGGERS.replace("TRIGGER", ".fin"))
    staged = world.extract("all")
    world.upload(staged)

    def died(*_: object, **__: object) -> None:
        raise Died

    with monkeypatch.context() as patch:
        patch.setattr("sluice.delivery.commit.committing.put_missing", died)
        with pytest.raises(Died):
            world.publish(staged)
    assert not any(name.endswith(".fin") for name in world.delivered())
    assert world.abort(staged).published
    assert sum(name.endswith(".fin") for name in world.delivered()) == 3


def test_the_example_of_the_page(world: World) -> None:
    """Its names, at the time that the page says."""
    page = (Path(__file__).parents[3] / "docs" / "run.md").read_text()
    (text,) = re.findall(r"^# include/exports/audiences\.yaml\n(.*?)^```$", page, re.DOTALL | re.MULTILINE)
    world.declare(
        {"connections/partner-drop.yaml": "{type: local, airflow_conn_id: out}", "exports/audiences.yaml": text}
    )
    people = "people: {kind: profile, key: C_CUSTKEY, source: {type: parquet, airflow_conn_id: lake, path: people}}"
    world.declare({"catalog/datasets.yaml": people})
    world.declare({"catalog/segments.yaml": "recent-buyers: {dataset: people, where: C_CUSTKEY > 0}"})
    assert not load(world.include).errors
    plan = world.plan("audiences", export_time=datetime(2026, 3, 9, 6, tzinfo=UTC))
    only = plan.part_name(plan.feeds[0], 0, alone=True)
    found = [only, *(plan.part_name(plan.feeds[0], number) for number in (0, 1))]
    assert all(f"`{name.removeprefix('audiences/')}`" in page for name in found)
    assert plan.triggers([only]) == (f"{only}.fin",)
    lines = explain(plan)
    assert "names       one delivery per second; a second one due in the same second is refused" in lines
    assert "trigger     a file beside each part, *.fin, after the manifest" in lines


def test_files_are_replaced_only_when_nobody_uses_them_any_more(world: World) -> None:
    declare(world, REPLACED)
    first, second = (world.extract("all", f"manual__{number}") for number in (1, 2))
    world.upload(first)
    with pytest.raises(FatalError, match="manual__1 of all has the same file names"):
        world.upload(second)
    world.publish(first)
    with pytest.raises(FatalError, match="manual__1 of all has the same file names") as refused:
        world.upload(second)
    assert "sluice clean all" in refused.value.page()
    clean(world, but="manual__2")
    world.upload(second)
    world.publish(second)
    assert findings(world, "manual__2") == []


def test_a_person_vouches_for_a_process_that_died_while_it_sent(world: World) -> None:
    declare(world, REPLACED)
    first, second = (world.extract("all", f"manual__{number}") for number in (1, 2))
    world.upload(first)
    first.open(world).opened.create("sending/dead/mark", b"")
    world.abort(first)
    clean(world, but="manual__2")
    with pytest.raises(FatalError, match="--ended manual__1"):
        world.upload(second)
    plan = world.plan("all")
    Cleaner(plan.staging, "all", world, lambda _: True).mark_stopped("manual__1")
    clean(world, but="manual__2")
    world.upload(second)
    world.publish(second)
    assert findings(world, "manual__2") == []
