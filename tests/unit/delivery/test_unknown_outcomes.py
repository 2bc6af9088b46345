"""A manifest whose write was not answered: the run is decided, and any later process finishes it."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Any

import pytest

from sluice.destinations.local import LocalFolder
from sluice.errors import FatalError, RetriableError, UnknownOutcomeError
from tests.builders import World
from tests.unit.delivery.people import Killed, clean, last, manifests, parts, people, sent, strike


@pytest.fixture
def world(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> World:
    return people(tmp_path, monkeypatch)


def lose(monkeypatch: pytest.MonkeyPatch, world: World, *, arrived: bool) -> None:
    """The response to the manifest's write is lost, and the destination cannot be asked."""
    stat = LocalFolder.stat

    def away(self: LocalFolder, name: str) -> Any:
        if "manifest-" in name:
            raise RetriableError("no answer: the server is away")
        return stat(self, name)

    put = LocalFolder.put

    def struck(self: LocalFolder, name: str, body: Iterable[bytes]) -> Any:
        if "manifest-" not in name:
            return put(self, name, body)
        if arrived:
            put(self, name, body)
        monkeypatch.setattr(LocalFolder, "stat", away)
        raise RetriableError("no answer")

    monkeypatch.setattr(LocalFolder, "put", struck)
    monkeypatch.setattr(LocalFolder, "stat", stat)


class TestUnknown:
    def test_a_write_that_arrived_though_its_answer_was_lost_is_published(
        self, world: World, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        strike(monkeypatch, "manifest-", after=True, error=RetriableError("no answer"))
        assert world.publish(sent(world, "r1")).outcome == "published"

    def test_a_write_that_is_not_there_is_tried_again(self, world: World, monkeypatch: pytest.MonkeyPatch) -> None:
        strike(monkeypatch, "manifest-", after=False, error=RetriableError("no answer"))
        staged = sent(world, "r1")
        with pytest.raises(RetriableError):
            world.publish(staged)
        assert manifests(world) == 0
        assert world.publish(staged).outcome == "published"

    @pytest.mark.parametrize("arrived", [True, False])
    def test_a_write_that_cannot_be_looked_up_is_unknown_until_the_next_try_writes_it_again(
        self, world: World, monkeypatch: pytest.MonkeyPatch, arrived: bool
    ) -> None:
        staged = sent(world, "r1")
        with monkeypatch.context() as away:
            lose(away, world, arrived=arrived)
            with pytest.raises(UnknownOutcomeError):
                world.publish(staged)
        assert (last(world).outcome, manifests(world)) == ("unknown", arrived)
        assert world.publish(staged).outcome == "published"
        assert (last(world).outcome, manifests(world)) == ("published", 1)

    def test_a_retry_leaves_a_manifest_that_arrived_untouched(
        self, world: World, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        staged = sent(world, "r1")
        strike(monkeypatch, "manifest-", after=True, error=Killed())
        with pytest.raises(Killed):
            world.publish(staged)
        (path,) = (world.root / "out").rglob("manifest-*")
        written = path.stat().st_ino
        world.publish(staged)
        assert path.stat().st_ino == written

    def test_a_write_that_is_not_accepted_is_unknown_for_the_run_is_decided(
        self, world: World, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        staged = sent(world, "r1")
        strike(monkeypatch, "manifest-", after=False, error=FatalError("permission denied"))
        with pytest.raises(FatalError, match="permission denied"):
            world.publish(staged)
        assert (last(world).outcome, last(world).why) == ("unknown", "permission denied")

    def test_a_backfill_whose_manifest_is_not_accepted_is_no_longer_decided(
        self, world: World, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """Nothing waits for it: its parts go."""
        staged = world.extract("people", "b1", run_type="backfill")
        world.upload(staged)
        strike(monkeypatch, "manifest-", after=False, error=FatalError("permission denied"))
        with pytest.raises(FatalError, match="permission denied"):
            world.publish(staged)
        assert (last(world).outcome, world.abort(staged).removed) == ("failed", 4)

    def test_the_teardown_publishes_what_is_decided(self, world: World, monkeypatch: pytest.MonkeyPatch) -> None:
        staged = sent(world, "r1")
        strike(monkeypatch, "manifest-", after=False, error=Killed())
        with pytest.raises(Killed):
            world.publish(staged)
        assert world.abort(staged).published
        assert (parts(world), manifests(world), last(world).outcome, last(world).records) == (4, 1, "published", 100)

    @pytest.mark.parametrize("arrived", [True, False])
    def test_what_the_teardown_could_not_publish_is_published_by_a_later_run(
        self, world: World, monkeypatch: pytest.MonkeyPatch, arrived: bool
    ) -> None:
        staged = sent(world, "r1")
        with monkeypatch.context() as away:
            lose(away, world, arrived=arrived)
            with pytest.raises(UnknownOutcomeError):
                world.publish(staged)
            lose(away, world, arrived=arrived)
            assert "no answer" in world.abort(staged).unfinished
            assert (parts(world), last(world).outcome) == (4, "unknown")
            lose(away, world, arrived=arrived)
            (left,) = clean(world)
            assert "no answer" in left.error
        assert clean(world) == []
        assert (parts(world), manifests(world), last(world).outcome, last(world).records) == (4, 1, "published", 100)
