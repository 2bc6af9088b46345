"""Old deliveries are removed as declared: by their manifests, never the last one, and no part of one that stays."""

from __future__ import annotations

import json
import re
import shutil
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest

from sluice.cli import main
from sluice.definition.load import load_export
from sluice.delivery.cleaning import retention
from sluice.delivery.cleaning.retention import Retired, Retirement, outdated
from sluice.delivery.commit.run_log import RunLog
from sluice.delivery.resend import load_run, publish_again
from sluice.delivery.staging import StagedRun
from sluice.destinations import DESTINATIONS
from sluice.destinations.local import LocalFolder
from sluice.errors import FatalError
from sluice.filesystem import Opened
from sluice.runs.record import Record
from tests.builders import World
from tests.unit.delivery.faults import CHANGES, Killed, Tape
from tests.unit.delivery.people import FILES, clean, manifests, parts, people
from tests.unit.delivery.test_clean import Airflow

pytestmark = pytest.mark.slow  # whole runs, and a removal that dies at every step

DECLARED = FILES["exports/people.yaml"].strip().removesuffix("}")
FOREIGN = ("drop/people/part-00000-someone-elses.json.gz", "drop/people/notes.txt")
FULL = "retention: {deliveries: 2}"


@pytest.fixture(autouse=True)
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SLUICE_CACHE", str(tmp_path / "cache"))


@pytest.fixture
def world(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> World:
    return keeping(people(tmp_path, monkeypatch))


def keeping(world: World, keys: str = FULL) -> World:
    world.declare({"exports/people.yaml": f"{DECLARED}, {keys}}}"})
    return world


def deliver(world: World, *runs: str, closed: bool = True, **run: object) -> None:
    """Runs that publish, each with the teardown of the next one. In their staging, time passes."""
    for run_id in runs:
        world.now += timedelta(hours=1)
        world.run("people", run_id, **run)
        if closed:
            clean(world)


def retirement(world: World) -> Retirement:
    project, export = load_export(world.include, "people")
    return Retirement(export, project.connections[export.connection], project.settings.staging, world)


def retire(world: World, now: datetime | None = None) -> list[Retired]:
    return list(retirement(world).retire(now or datetime.now(UTC)))


def there(world: World) -> set[str]:
    """The runs whose manifests are there. Each of them is whole."""
    found = set()
    for path in (world.root / "out").rglob("manifest-*.json"):
        manifest = json.loads(path.read_text())
        for part in manifest["exportResults"]:
            assert (world.root / "out" / "drop" / part["sinkPath"].strip("/") / part["name"]).exists(), path
        found.add(manifest["run_id"])
    return found


def left_in_staging(world: World) -> list[str]:
    staging = world.root / "sluice_staging" / "staging"
    return [str(path) for path in staging.rglob("*") if "retiring" in path.parts and path.is_file()]


class TestWhichOnes:
    def record(self, day: int, run: str = "", **values: object) -> Record:
        at = datetime(2026, 1, 1, tzinfo=UTC) + timedelta(days=day)
        known = {"export": "people", "run": run or f"r{day}", "flow_run_id": run or f"r{day}", "outcome": "published"}
        return Record.model_validate(known | {"ended": at, "recorded": at} | values)

    def names(self, world: World, keys: str, records: list[Record], day: int = 100) -> list[str]:
        _, export = load_export(keeping(world, keys).include, "people")
        now = datetime(2026, 1, 1, tzinfo=UTC) + timedelta(days=day)
        return [one.run for one in outdated(records, export, now)]

    @pytest.mark.parametrize(
        ("keys", "day", "expected"),
        [
            ("retention: {deliveries: 2}", 100, ["r0", "r1", "r2"]),
            ("retention: {deliveries: 5}", 100, []),
            ("retention: {deliveries: 9}", 100, []),
            ("retention: {days: 2}", 5, ["r0", "r1", "r2"]),
            ("retention: {days: 1}", 1000, ["r0", "r1", "r2", "r3"]),
            ("retention: {deliveries: 4, days: 2}", 100, ["r0"]),
            ("retention: {deliveries: 1, days: 3}", 5, ["r0", "r1"]),
        ],
    )
    def test_the_newest_stay_and_those_that_are_young(
        self, world: World, keys: str, day: int, expected: list[str]
    ) -> None:
        assert self.names(world, keys, [self.record(day) for day in range(5)], day) == expected

    def test_a_backfill_does_not_displace_a_delivery(self, world: World) -> None:
        records = [self.record(0), self.record(1, window="x"), self.record(2), self.record(3, window="x")]
        assert self.names(world, "retention: {deliveries: 1}", records) == ["r0", "r1"]
        assert self.names(world, "retention: {deliveries: 1}", [self.record(0, window="x")]) == []

    def test_a_run_that_delivered_again_counts_once_at_its_last_time(self, world: World) -> None:
        records = [self.record(0, "b", window="x"), self.record(1), self.record(2), self.record(3, "b", window="x")]
        assert self.names(world, "retention: {deliveries: 1}", records) == ["r1"]


def test_the_oldest_go_with_their_files_and_nothing_else_does(world: World) -> None:
    for name in FOREIGN:
        path = world.root / "out" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("mine")
    deliver(world, "r1", "r2", "r3", "r4")
    assert [one.run for one in retirement(world).due(datetime.now(UTC))] == ["r1", "r2"]
    assert parts(world) == 4 * 4 + 1
    first, second = retire(world)
    assert (first.run, first.files, first.left) == ("r1", 4, "")
    assert "the old delivery of run r2 was removed: 4 files and" in second.sentence
    assert there(world) == {"r3", "r4"}
    assert parts(world) == 2 * 4 + 1
    assert all((world.root / "out" / name).read_text() == "mine" for name in FOREIGN)
    assert (retire(world), left_in_staging(world)) == ([], [])
    with pytest.raises(FatalError, match="staging holds nothing of run r1"):
        load_run(world.plan("people").staging, "people", "r1", world)
    deliver(world, "r5")
    assert [one.run for one in retire(world)] == ["r3"]


def test_an_export_without_retention_keeps_everything(world: World) -> None:
    world.declare(FILES)
    deliver(world, "r1", "r2", "r3")
    assert retire(world) == []
    assert manifests(world) == 3


def test_a_delivery_whose_run_is_not_over_stays_until_it_is(world: World) -> None:
    keeping(world, "retention: {deliveries: 1}")
    deliver(world, "r1", "r2", closed=False)
    (stays,) = retire(world)
    assert stays.left == "its run is not over yet; the next run tries again"
    assert retire(world) == [], "once is enough"
    assert there(world) == {"r1", "r2"}
    clean(world)
    assert [(one.run, one.left) for one in retire(world)] == [("r1", "")]


def test_a_delivery_whose_staging_is_gone_goes_by_its_manifest(world: World) -> None:
    world.declare({"project.yaml": "staging: {keep: 1}"})
    deliver(world, "r1", "r2", "r3", "r4")
    assert [one.files for one in retire(world)] == [4, 4]
    assert there(world) == {"r3", "r4"}
    runs = world.root / "sluice_staging" / "staging" / "runs" / "people"
    assert len(list(runs.glob("*/log"))) <= 1, "no log stays behind"


class TestUnknown:
    """What is not fully known stays."""

    @pytest.fixture
    def old(self, world: World) -> Path:
        deliver(world, "r1", "r2", "r3")
        (path,) = [path for path in (world.root / "out").rglob("manifest-*.json") if '"r1"' in path.read_text()]
        return path

    def stays(self, world: World) -> str:
        (one,) = retire(world)
        assert parts(world) == 12
        return one.left

    def test_a_manifest_that_is_cut(self, world: World, old: Path) -> None:
        old.write_text(old.read_text()[:100])
        assert "is not a Sluice manifest" in self.stays(world)

    def test_a_manifest_that_lists_the_files_of_another(self, world: World, old: Path) -> None:
        other = next(path for path in (world.root / "out").rglob("part-*") if old.stem[-36:] not in path.name)
        manifest = json.loads(old.read_text())
        manifest["exportResults"][0]["name"] = other.name
        old.write_text(json.dumps(manifest))
        assert self.stays(world) == "its manifest lists files of other deliveries"

    def test_a_manifest_of_another_delivery(self, world: World, old: Path) -> None:
        manifest = json.loads(old.read_text())
        old.write_text(json.dumps(manifest | {"export": "others"}))
        assert self.stays(world) == "its manifest is of another delivery"

    def test_a_manifest_that_is_gone(self, world: World, old: Path) -> None:
        old.unlink()
        assert "its manifest is gone" in self.stays(world)
        assert retire(world) == [], "it is not asked for again"

    def test_another_folder_than_now(self, world: World, old: Path) -> None:
        world.declare({"connections/out.yaml": "{type: local, airflow_conn_id: out, folder: elsewhere}"})
        assert "another connection or folder" in self.stays(world)

    def test_a_record_that_was_lost(self, world: World, old: Path) -> None:
        for path in (world.root / "sluice_staging").rglob("retired.json"):
            path.unlink()
        assert [one.left for one in retire(world)] == [""]
        for path in (world.root / "sluice_staging").rglob("retired.json"):
            path.write_text("cut {")
        assert all("gone" in one.left for one in retire(world))


class TestTwoAtOnce:
    def test_two_removals_remove_the_same(self, world: World, monkeypatch: pytest.MonkeyPatch) -> None:
        """The second one begins at each call of the first one."""
        deliver(world, "r1", "r2", "r3", "r4")
        remove = LocalFolder.remove

        def meanwhile(at: LocalFolder, names: Any) -> None:
            monkeypatch.setattr(LocalFolder, "remove", remove)
            retire(world)
            remove(at, names)

        monkeypatch.setattr(LocalFolder, "remove", meanwhile)
        retire(world)
        assert there(world) == {"r3", "r4"}
        assert (parts(world), left_in_staging(world)) == (8, [])

    def test_a_run_that_sends_is_waited_for(self, world: World) -> None:
        deliver(world, "r1", "r2", "r3")
        stage = StagedRun.of(world.plan("people", "r1")).open(world)
        stage.opened.create("sending/someone/mark", b"")
        (stays,) = retire(world)
        assert "a process may still be sending" in stays.left
        assert there(world) == {"r1", "r2", "r3"}
        with pytest.raises(FatalError, match="r1 of people has published nothing"):
            publish_again(StagedRun.of(world.plan("people", "r1")), world, world.now)
        stage.opened.remove_tree("sending")
        assert [one.left for one in retire(world)] == [""]

    def test_the_mark_of_a_process_that_died_long_ago_is_none(
        self, world: World, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        deliver(world, "r1", "r2", "r3")
        StagedRun.of(world.plan("people", "r1")).open(world).opened.create("sending/dead/mark", b"")
        monkeypatch.setattr(retention, "_SILENT", timedelta(0))
        assert [one.left for one in retire(world)] == [""]

    def test_a_resend_that_is_publishing_is_waited_for(self, world: World, monkeypatch: pytest.MonkeyPatch) -> None:
        deliver(world, "r1", "r2", "r3")
        put, said = LocalFolder.put, []

        def meanwhile(at: LocalFolder, name: str, body: Any) -> Any:
            if "manifest-" in name:
                said.extend(one.left for one in retire(world))
            return put(at, name, body)

        monkeypatch.setattr(LocalFolder, "put", meanwhile)
        publish_again(StagedRun.of(world.plan("people", "r1")), world, world.now)
        assert said == ["a process may still be sending its files; the next run tries again"]
        assert there(world) == {"r1", "r2", "r3"}


def test_a_removal_that_dies_anywhere_is_continued(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, world: World
) -> None:
    keeping(world, "retention: {deliveries: 1}, manifest: {success_marker: true}")
    world.dataset("people", pa.table({"id": range(40)}), files=2)
    deliver(world, "r1", "r2")

    changing = ("out", "sluice_staging")
    for folder in changing:
        shutil.copytree(world.root / folder, tmp_path / "before" / folder)

    def again() -> None:
        """Everything is as it was before; addresses of manifests are absolute, so the folder is the same."""
        for folder in changing:
            shutil.rmtree(world.root / folder)
            shutil.copytree(tmp_path / "before" / folder, world.root / folder)

    tape = Tape()
    with tape.recording(DESTINATIONS["local"]):
        retire(world)
    every = [call for call in tape.calls if call.verb in CHANGES]
    assert len(every) > 5
    for call in every:
        again()
        tape = Tape(strikes={call: "dies after"})
        with tape.recording(DESTINATIONS["local"]), pytest.raises(Killed):
            retire(world)
        assert there(world) <= {"r1", "r2"}, f"{call}: what is seen is whole"
        assert "r2" in there(world)
        retire(world)
        assert (there(world), parts(world), left_in_staging(world)) == ({"r2"}, 2, []), str(call)
        assert not tombstones(world), str(call)
        assert retire(world) == []


def tombstones(world: World) -> list[str]:
    """Runs whose logs say that they are being removed."""
    staging = world.plan("people").staging
    runs = world.root / "sluice_staging" / "staging" / "runs" / "people"
    named = [StagedRun.named(staging, "people", path.name).open(world) for path in runs.iterdir()]
    return [stage.opened.root for stage in named if RunLog(stage.opened.below("log")).state().act == "dropping"]


def test_a_success_marker_of_its_own_folder_goes_and_a_shared_one_stays(world: World) -> None:
    keeping(world, "retention: {deliveries: 1}, folder: '%RUN_ID%', manifest: {success_marker: true}")
    deliver(world, "r1", "r2")
    retire(world)
    assert len([name for name in world.delivered() if name.endswith("_SUCCESS")]) == 1
    keeping(world, "retention: {deliveries: 1}, folder: shared, manifest: {success_marker: true}")
    deliver(world, "r3", "r4")
    retire(world)
    assert there(world) == {"r4"}
    assert [name for name in world.delivered() if name.endswith("_SUCCESS")] == ["drop/shared/_SUCCESS"]


def test_one_run_removes_no_more_than_its_share(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    deliver(world, "r1", "r2", "r3", "r4", "r5")
    one = retirement(world)
    assert [[done.run for done in one.retire(datetime.now(UTC), most=2)] for _ in range(2)] == [["r1", "r2"], ["r3"]]


def test_deliveries_of_the_same_moment_all_go(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """Object stores give times in whole seconds."""
    moment = datetime.now(UTC) - timedelta(days=1)
    monkeypatch.setattr(
        Opened, "written_at", lambda _, file: moment if file.name.endswith(".json") else datetime.now(UTC)
    )
    deliver(world, "r1", "r2", "r3")
    monkeypatch.undo()
    monkeypatch.setenv("SLUICE_CACHE", str(world.root / "cache"))
    deliver(world, "r4", "r5")
    one = retirement(world)
    gone = [[done.run for done in one.retire(datetime.now(UTC), most=1)] for _ in range(4)]
    assert sorted(run for runs in gone for run in runs) == ["r1", "r2", "r3"]
    assert there(world) == {"r4", "r5"}


@pytest.fixture
def commands(world: World, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    monkeypatch.setattr("sluice.commands.clean.AirflowConnections", lambda: world)
    monkeypatch.setattr("sluice.commands.clean.login", lambda _: Airflow())
    return ["clean", "people", "--include", str(world.include)]


def test_the_command_lists_and_removes(world: World, commands: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    deliver(world, "r1", "r2", "r3")
    assert main([*commands, "--dry-run"]) == 0
    said = capsys.readouterr().out
    assert re.fullmatch(r"the delivery of run r1, of .* UTC, would be removed: 4 files, \d+ bytes\n", said)
    assert manifests(world) == 3
    assert main(commands) == 0
    assert "the old delivery of run r1 was removed" in capsys.readouterr().out
    assert there(world) == {"r2", "r3"}
    assert main(commands) == 0
    assert capsys.readouterr().out == "nothing to clean\n"


def test_the_lists_of_staging_stay_short(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """However many runs there were, the end of a run asks staging the same: what it keeps is all that it lists."""
    world.declare({"project.yaml": "staging: {keep: 2}"})
    world.dataset("people", pa.table({"id": range(10)}))
    asked: list[tuple[int, int]] = []
    files: list[int] = []
    listed = Opened.list

    def listing(opened: Opened, *args: Any, **words: Any) -> Any:
        found = listed(opened, *args, **words)
        files.append(0 if opened.root.endswith("/index") else len(found))
        return found

    monkeypatch.setattr(Opened, "list", listing)
    for number in range(9):
        deliver(world, f"r{number}", closed=False)
        files.clear()
        tape = Tape()
        with tape.recording(DESTINATIONS["local"]):
            clean(world)
            retire(world)
        asked.append((len([call for call in tape.calls if call.verb in ("list", "find_bytes")]), sum(files)))
    assert asked[-1] == asked[-2] == asked[-3] == asked[-4]
    assert asked[-1][0] < 60
