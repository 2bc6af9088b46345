"""What runs that ended without publishing leave behind: the next run and `sluice clean` remove it."""

from __future__ import annotations

import shutil
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest

from sluice.airflow.rest import RefusedError
from sluice.cli import main
from sluice.delivery.cleaning.clean import Cleaner
from sluice.delivery.commit.run_log import Entry, RunLog, State
from sluice.delivery.staging import StagedRun
from sluice.destinations.local import Local, LocalFolder
from sluice.errors import FatalError
from sluice.filesystem import Opened
from sluice.plan.model import Plan
from tests.builders import World
from tests.unit.delivery.faults import KeptReceipts
from tests.unit.delivery.people import FILES, Killed, clean, die, manifests, parts, people, sent

pytestmark = pytest.mark.slow  # runs that die at every step


@pytest.fixture
def world(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> World:
    return people(tmp_path, monkeypatch)


class TestRemovers:
    """A process that began to remove parts and never said that it had stopped."""

    @pytest.fixture
    def killed(self, world: World, monkeypatch: pytest.MonkeyPatch) -> StagedRun:
        staged = sent(world, "r1")
        with monkeypatch.context() as broken:
            broken.setattr(RunLog, "append_always", die)
            with pytest.raises(Killed):
                world.abort(staged)
        assert parts(world) == 0
        return staged

    def test_a_run_is_not_opened_again_beneath_it(self, world: World, killed: StagedRun) -> None:
        with pytest.raises(FatalError, match="a process started to remove this run's parts") as refused:
            world.upload(killed)
        assert "sluice clean EXPORT --ended RUN" in refused.value.next_step
        with pytest.raises(FatalError, match="never reported that it had stopped"):
            world.extract("people", "r1")
        assert world.run("people", "r2").records == 100, "a new run does not care"

    def test_its_processes_are_marked_as_stopped(self, world: World, killed: StagedRun) -> None:
        cleaner = Cleaner(world.plan("people").staging, "people", world, lambda _: True)
        assert cleaner.mark_stopped("r1") == 1
        world.upload(killed)
        assert world.publish(killed).records == 100

    def test_a_run_of_another_version_does_not_prevent_that(self, world: World, killed: StagedRun) -> None:
        sent(world, "old").open(world).opened.write_bytes("plan.json", b'{"run": {}}')
        assert Cleaner(world.plan("people").staging, "people", world, lambda _: True).mark_stopped("r1") == 1

    def test_its_staging_is_kept(self, world: World, killed: StagedRun) -> None:
        world.declare({"project.yaml": "staging: {keep: 1}"})
        clean(world)
        world.run("people", "r2")
        (kept,) = clean(world, over=["r1"])
        assert "never reported that it had stopped" in kept.error
        assert "sluice clean EXPORT --ended RUN" in kept.error, "the log says what to do"
        assert killed.open(world).find("plan", Plan) is not None


class TestOthers:
    def test_what_a_dead_machine_left_goes_with_the_next_run(self, world: World) -> None:
        sent(world, "dead")
        sent(world, "alive")
        world.run("people", "r3")
        (world.root / "out" / "drop" / "people" / "part-00000-someone-elses.json.gz").write_text("mine")
        (cleaned,) = clean(world, over=["dead", "r3"])
        assert cleaned.sentence == "run dead is over: 4 parts and 0 unfinished uploads removed"
        left = [name for name in world.delivered() if str(world.plan("people", "dead").run.id) in name]
        assert left == []
        assert parts(world) == 4 + 4 + 1
        assert clean(world, over=["dead", "r3"]) == [], "once"

    def test_a_run_that_another_version_has_staged_is_left_and_keeps_no_other_from_being_cleaned(
        self, world: World
    ) -> None:
        staged = sent(world, "old")
        staged.open(world).opened.write_bytes("plan.json", b'{"run": {}}')
        sent(world, "dead")
        said = [one.sentence for one in clean(world)]
        assert len(said) == 2
        assert any("written by another version of Sluice" in sentence for sentence in said)
        assert any("run dead is over: 4 parts" in sentence for sentence in said)

    def test_unfinished_uploads_go_too(self, world: World) -> None:
        staged = sent(world, "dead")
        (part, *_) = (world.root / "out").rglob("part-*")
        part.rename(part.with_name(f".{part.name}.0123abcd.partial"))
        assert world.abort(staged).uploads == 1
        assert not list((world.root / "out").rglob("*.partial"))

    def test_unfinished_uploads_of_killed_tries_go_after_publishing_too(self, world: World) -> None:
        world.run("people", "r1")
        (part, *_) = (world.root / "out").rglob("part-*")
        part.with_name(f".{part.name}.0123abcd.partial").write_bytes(b"half")
        part.with_name(".part-someone-elses.json.gz.0123abcd.partial").write_bytes(b"mine")
        done = world.abort(StagedRun.of(world.plan("people", "r1")))
        assert (done.published, done.removed, done.uploads) == (True, 0, 1)
        assert [left.read_bytes() for left in (world.root / "out").rglob("*.partial")] == [b"mine"]

    def test_who_may_not_list_unfinished_uploads_has_published_all_the_same(
        self, world: World, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        def denied(_: LocalFolder, names: Iterable[str]) -> int:
            raise FatalError(f"cannot abort uploads of {len(list(names))} names: permission denied")

        world.run("people", "r1")
        monkeypatch.setattr(LocalFolder, "abort", denied)
        done = world.abort(StagedRun.of(world.plan("people", "r1")))
        assert done.published
        assert "permission denied" in done.left

    def test_who_may_not_list_unfinished_uploads_removes_the_parts_all_the_same(
        self, world: World, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        def denied(*_: object) -> int:
            raise FatalError("cannot list unfinished uploads: permission denied")

        staged = sent(world, "r1")
        monkeypatch.setattr(LocalFolder, "abort", denied)
        done = world.abort(staged)
        assert (done.removed, parts(world)) == (4, 0)
        assert "permission denied" in done.left

    def test_what_a_cancelled_task_sent_after_its_teardown_goes_with_the_next_run(self, world: World) -> None:
        staged = sent(world, "r1")
        (part, *_) = sorted((world.root / "out").rglob("part-*"))
        body = part.read_bytes()
        world.abort(staged)
        part.write_bytes(body)
        (cleaned,) = clean(world)
        assert cleaned.done is not None
        assert (cleaned.done.removed, parts(world)) == (1, 0)
        assert clean(world) == []

    def test_a_published_run_is_left_alone(self, world: World) -> None:
        world.run("people", "r1")
        before = world.delivered()
        assert clean(world) == []
        assert world.delivered() == before

    def test_airflow_is_not_asked_about_a_run_that_is_closed(self, world: World) -> None:
        """Every delivery cleans: it would ask about every run in staging."""
        world.run("people", "r1")
        sent(world, "r2")
        asked: list[str] = []

        def ended(run: str) -> bool:
            asked.append(run)
            return True

        cleaner = Cleaner(world.plan("people").staging, "people", world, ended)
        assert [one.run for one in cleaner.clean(world.now)] == ["r2"]
        assert "r2" in asked
        asked.clear()
        assert list(cleaner.clean(world.now)) == []
        assert asked == []

    def test_the_asker_is_left_alone(self, world: World) -> None:
        sent(world, "r1")
        cleaner = Cleaner(world.plan("people").staging, "people", world, lambda _: True)
        assert list(cleaner.clean(world.now, but=str(world.plan("people", "r1").run.id))) == []
        assert parts(world) == 4

    @pytest.mark.slow
    def test_a_run_that_was_taken_up_again_is_looked_at_again(self, world: World) -> None:
        staged = sent(world, "r1")
        world.abort(staged)
        assert clean(world) == []
        world.upload(world.extract("people", "r1"))
        world.publish(staged)
        assert clean(world) == []
        assert (manifests(world), parts(world)) == (1, 4)

    @pytest.mark.parametrize("published", [True, False])
    def test_parts_of_a_former_plan_of_the_run_go(self, world: World, published: bool) -> None:
        """The declaration was changed between two attempts: the first has sent more parts than the second will."""
        sent(world, "r1")
        text = FILES["exports/people.yaml"].replace("30", "60")
        world.declare({"exports/people.yaml": text})
        staged = sent(world, "r1")
        assert parts(world) == 4, "two of them were written again"
        if published:
            world.publish(staged)
        else:
            world.abort(staged)
        assert parts(world) == (2 if published else 0)

    def test_a_retry_sends_what_is_not_there_and_nothing_else(self, world: World) -> None:
        receipts = KeptReceipts()
        staged = world.extract("people", "r1")
        world.upload(staged, receipts)
        gone, shorter, *kept = sorted((world.root / "out").rglob("part-*"))
        before = {path: path.stat().st_ino for path in kept}
        gone.unlink()
        shorter.write_bytes(shorter.read_bytes()[:-1])
        world.upload(staged, receipts)
        assert world.publish(staged).records == 100
        assert {path: path.stat().st_ino for path in kept} == before

    def test_parts_of_another_declaration_do_not_count_as_sent(self, world: World) -> None:
        """Not even with the same names, sizes and rows: as after a change of the delimiter."""
        receipts = KeptReceipts()
        two = pa.table({"id": range(100), "town": ["x"] * 100})
        world.dataset("people", two, files=2)
        for delimiter in (",", ";"):
            form = f"format: {{type: csv, delimiter: '{delimiter}', compression: none}}, chunks"
            world.declare({"exports/people.yaml": FILES["exports/people.yaml"].replace("chunks", form)})
            staged = world.extract("people", "r1")
            world.upload(staged, receipts)
        world.publish(staged)
        (first, *_) = sorted((world.root / "out").rglob("part-*"))
        assert first.read_text().splitlines()[:2] == ["id;town", "0;x"]

    def test_a_published_run_is_not_sent_otherwise_under_the_same_names(self, world: World) -> None:
        world.run("people", "r1")
        before = {name: (world.root / "out" / name).read_bytes() for name in world.delivered()}
        world.declare({"exports/people.yaml": FILES["exports/people.yaml"].replace("30", "60")})
        with pytest.raises(FatalError, match="has been published"):
            world.run("people", "r1")
        assert {name: (world.root / "out" / name).read_bytes() for name in world.delivered()} == before

    @pytest.mark.slow
    def test_staging_keeps_the_newest_runs(self, world: World) -> None:
        world.declare({"project.yaml": "staging: {keep: 2}"})
        for n in range(4):
            world.run("people", f"r{n}")
        before = world.delivered()
        assert [(one.run, one.pruned) for one in clean(world)] == [("r1", True), ("r0", True)]
        assert world.delivered() == before, "what was delivered stays"
        staged = {path.name for path in (world.root / "sluice_staging" / "staging" / "runs" / "people").iterdir()}
        assert staged == {str(world.plan("people", f"r{n}").run.id) for n in (2, 3)}

    @pytest.mark.slow
    @pytest.mark.parametrize("dies_at", ["remove", "remove_tree"])
    def test_a_published_run_whose_staging_is_half_dropped_keeps_its_parts(
        self, world: World, monkeypatch: pytest.MonkeyPatch, dies_at: str
    ) -> None:
        """Not even if someone has taken its manifest away."""
        world.declare({"project.yaml": "staging: {keep: 1}"})
        world.run("people", "r1")
        world.run("people", "r2")
        clean(world, but=str(world.plan("people", "r1").run.id))
        act = getattr(Opened, dies_at)
        run = str(world.plan("people", "r1").run.id)

        def dies(opened: Opened, what: Any) -> None:
            if what in (run, [f"{run}/plan.json"]):
                raise Killed
            act(opened, what)

        with monkeypatch.context() as broken:
            broken.setattr(Opened, dies_at, dies)
            with pytest.raises(Killed):
                clean(world)
        for path in (world.root / "out").rglob("manifest-*"):
            path.unlink()
        clean(world)
        assert parts(world) == 8

    def test_names_are_looked_up_after_the_run_is_closed_to_others(
        self, world: World, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """A cleared run has sent others while the process that cleans slept."""
        world.extract("people", "r1")
        append = RunLog.append

        def asleep(log: RunLog, state: State, entry: Entry) -> State | None:
            monkeypatch.setattr(RunLog, "append", append)
            sent(world, "r1")
            return append(log, state, entry)

        monkeypatch.setattr(RunLog, "append", asleep)
        clean(world)
        assert parts(world) == 0

    def test_the_staging_of_dry_runs_goes_too(self, world: World) -> None:
        world.declare({"project.yaml": "staging: {keep: 1}"})
        for n in range(3):
            world.extract("people", f"dry{n}", dry_run=True)
        assert [(one.run, one.pruned) for one in clean(world)] == [("dry1", True), ("dry0", True)]

    def test_one_that_cannot_be_cleaned_keeps_no_other_from_it(
        self, world: World, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        for run in ("r1", "r2"):
            sent(world, run)
        removed = LocalFolder.remove
        bad = str(world.plan("people", "r2").run.id)

        def broken(self: LocalFolder, names: Iterable[str]) -> None:
            listed = list(names)
            if any(bad in name for name in listed):
                raise FatalError("may not remove")
            removed(self, listed)

        monkeypatch.setattr(LocalFolder, "remove", broken)
        assert {one.run: one.error.splitlines()[:1] for one in clean(world)} == {"r1": [], "r2": ["may not remove"]}
        assert parts(world) == 4


class TestTakenAway:
    """If the target removes files as they arrive, what was sent cannot be checked."""

    @pytest.fixture(autouse=True)
    def _taken(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(Local, "stays", property(lambda _: False))

    def test_an_aborted_run_that_is_cleared_sends_its_parts_again(self, world: World) -> None:
        receipts = KeptReceipts()
        staged = world.extract("people", "r1")
        world.upload(staged, receipts)
        assert world.abort(staged).removed == 4
        world.upload(staged, receipts)
        world.publish(staged)
        assert (manifests(world), parts(world)) == (1, 4)

    def test_a_retry_sends_nothing_twice(self, world: World) -> None:
        receipts = KeptReceipts()
        staged = world.extract("people", "r1")
        world.upload(staged, receipts)
        shutil.rmtree(world.root / "out")
        world.upload(staged, receipts)
        world.publish(staged)
        assert (manifests(world), parts(world)) == (1, 0)

    def test_a_published_manifest_is_not_written_again(self, world: World) -> None:
        staged = sent(world, "r1")
        world.publish(staged)
        shutil.rmtree(world.root / "out")
        assert world.publish(staged).outcome == "published"
        assert manifests(world) == 0


class Airflow:
    """The part of Airflow's API that the command uses: which runs are over."""

    def get(self, path: str) -> dict[str, str]:
        run_id = path.rsplit("/", 1)[-1]
        if run_id == "deleted":
            raise RefusedError("there is no such run", 404)
        return {"state": "running" if run_id == "alive" else "failed"}


@pytest.mark.slow
def test_the_command_cleans_after_runs_that_are_over(
    world: World, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("sluice.commands.clean.AirflowConnections", lambda: world)
    monkeypatch.setattr("sluice.commands.clean.login", lambda _: Airflow())
    for run_id in ("dead", "alive", "deleted"):
        sent(world, run_id)
    command = ["clean", "people", "--include", str(world.include)]
    assert main([*command, "--dry-run"]) == 0
    named = capsys.readouterr().out.splitlines()
    assert {line.split()[1] for line in named} == {"dead", "deleted"}
    assert parts(world) == 12
    assert main(command) == 0
    said = capsys.readouterr().out.splitlines()
    assert sorted(said) == [
        f"run {run_id} is over: 4 parts and 0 unfinished uploads removed" for run_id in ("dead", "deleted")
    ]
    assert parts(world) == 4
    assert main(command) == 0
    assert capsys.readouterr().out == "nothing to clean\n"
