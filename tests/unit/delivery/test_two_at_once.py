"""Two processes of one run at the same time."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Any

import pytest

from sluice.delivery.commit.run_log import Entry, RunLog, State
from sluice.delivery.incremental.beginning import _Beginning
from sluice.destinations.local import LocalFolder
from sluice.errors import FatalError
from tests.builders import World
from tests.unit.delivery.people import FILES, clean, last, manifests, parts, people, sent


@pytest.fixture
def world(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> World:
    return people(tmp_path, monkeypatch)


class TestTwoAtOnce:
    """`abort`, or another attempt of `publish`, next to a `publish` that Airflow believes dead. Every other order:
    `commit/test_interleavings.py`."""

    def test_publish_refuses_where_its_run_was_aborted(self, world: World, monkeypatch: pytest.MonkeyPatch) -> None:
        staged = sent(world, "r1")
        self.meanwhile(monkeypatch, "publishing", lambda: world.abort(staged))
        with pytest.raises(FatalError, match="this run was aborted"):
            world.publish(staged)
        assert (manifests(world), parts(world)) == (0, 0)

    def test_publish_refuses_where_its_run_was_extracted_again(
        self, world: World, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """What it has compared is no longer what is there."""
        staged = sent(world, "r1")

        def again() -> None:
            world.declare({"exports/people.yaml": FILES["exports/people.yaml"].replace("30", "60")})
            sent(world, "r1")

        self.meanwhile(monkeypatch, "publishing", again)
        with pytest.raises(FatalError, match="this run was extracted again"):
            world.publish(staged)
        assert manifests(world) == 0
        assert world.publish(staged).files == 2

    def test_a_run_that_is_taken_up_while_it_is_closed_is_looked_at_again(
        self, world: World, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        staged = sent(world, "r1")
        self.meanwhile(monkeypatch, "closed", lambda: world.upload(staged))
        clean(world)
        assert parts(world) == 4
        clean(world)
        assert parts(world) == 0

    def test_a_second_try_of_publish_finishes_what_one_that_sleeps_has_decided(
        self, world: World, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        staged = sent(world, "r1")
        self.meanwhile(monkeypatch, "published", lambda: world.publish(staged))
        assert world.publish(staged).outcome == "published"
        assert (manifests(world), parts(world)) == (1, 4)

    def test_a_try_that_comes_too_late_leaves_the_report_of_what_was_published(
        self, world: World, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        staged = sent(world, "r1")

        def another_way() -> None:
            world.publish(staged)
            for path in (world.root / "out").rglob("part-*"):
                path.write_bytes(b"spoiled since")

        self.meanwhile(monkeypatch, "publishing", another_way)
        with pytest.raises(FatalError, match="at the destination differ from what was sent"):
            world.publish(staged)
        assert last(world).outcome == "published"

    def test_a_publish_that_has_read_what_is_being_replaced_decides_nothing(
        self, world: World, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """It reads the run's log and its old receipts while `extract`, cleared, removes them."""
        sent(world, "r1")
        replace, read = _Beginning.replace, []

        def seen(beginning: _Beginning) -> bool:
            read.append((beginning.commit.log, beginning.commit.log.state()))
            return replace(beginning)

        monkeypatch.setattr(_Beginning, "replace", seen)
        world.declare({"exports/people.yaml": FILES["exports/people.yaml"].replace("30", "60")})
        world.extract("people", "r1")
        ((log, state),) = read
        assert state.act == "open"
        assert log.append(state, Entry(act="publishing", by="sleeper", intent="of the old rows")) is None

    @pytest.mark.parametrize("who", ["the run's own teardown", "the next run's cleaning"])
    def test_publish_runs_whole_between_the_look_of_abort_and_its_removal(
        self, world: World, monkeypatch: pytest.MonkeyPatch, who: str
    ) -> None:
        staged = sent(world, "r1")
        discard = LocalFolder.abort

        def slow(self: LocalFolder, names: Iterable[str]) -> int:
            monkeypatch.setattr(LocalFolder, "abort", discard)
            with pytest.raises(FatalError, match="this run was aborted"):
                world.publish(staged)
            return discard(self, names)

        monkeypatch.setattr(LocalFolder, "abort", slow)
        if who.startswith("the run"):
            world.abort(staged)
        else:
            clean(world)
        assert (manifests(world), parts(world)) == (0, 0)

    def meanwhile(self, monkeypatch: pytest.MonkeyPatch, step: str, act: Any) -> None:
        """Something happens just before a step of the run's log."""
        append = RunLog.append

        def struck(log: RunLog, state: State, entry: Entry) -> State | None:
            if entry.act == step:
                monkeypatch.setattr(RunLog, "append", append)
                act()
            return append(log, state, entry)

        monkeypatch.setattr(RunLog, "append", struck)
