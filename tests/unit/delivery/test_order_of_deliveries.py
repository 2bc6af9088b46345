"""Which delivery follows which: watermarks, runs that died, and runs that come in another order."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from sluice.delivery.commit import committing
from sluice.delivery.commit.deliveries import Deliveries
from sluice.errors import DefinitionError, FatalError
from tests.builders import NOW, World
from tests.unit.delivery.increments import HOUR, delivered, increments, manifests, mark, put, stamp
from tests.unit.delivery.people import Killed, die

pytestmark = pytest.mark.slow  # several runs each


@pytest.fixture
def world(tmp_path: Path) -> World:
    return increments(tmp_path)


class TestOrder:
    def test_a_dry_run_moves_nothing(self, world: World) -> None:
        put(world, "a", range(10))
        world.extract("by_file", "r1", dry_run=True)
        assert world.watermarks == {}

    def test_a_run_of_some_feeds_moves_only_those(self, world: World) -> None:
        put(world, "a", range(10))
        stamp(world, "a", {1: NOW - 2 * HOUR})
        world.run("both", "r1", only=("files",))
        world.run("both", "r2")
        assert delivered(world, "r1", "both") == list(range(10))
        assert delivered(world, "r2", "both") == [1]

    def test_a_run_thatdied_before_the_copy_of_the_watermark_has_delivered(
        self, world: World, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        put(world, "a", range(10))
        staged = world.extract("by_file", "r1")
        world.upload(staged)
        with monkeypatch.context() as broken:
            broken.setattr(world.watermarks, "set", die)
            with pytest.raises(Killed):
                world.publish(staged)
        assert (len(manifests(world)), world.watermarks) == (1, {})
        put(world, "b", [10])
        world.run("by_file", "r2")
        assert delivered(world, "r2") == [10]
        assert mark(world).previous == str(world.plan("by_file", "r1").run.id)

    def test_its_own_retry_copies_it(self, world: World, monkeypatch: pytest.MonkeyPatch) -> None:
        put(world, "a", range(10))
        staged = world.extract("by_file", "r1")
        world.upload(staged)
        with monkeypatch.context() as broken:
            broken.setattr(world.watermarks, "set", die)
            with pytest.raises(Killed):
                world.publish(staged)
        world.publish(staged)
        assert mark(world).run_id == "r1"

    def test_one_that_wakes_up_after_another_has_published_refuses(self, world: World) -> None:
        put(world, "a", range(10))
        late = world.extract("by_file", "r1")
        world.upload(late)
        world.run("by_file", "r2")
        with pytest.raises(FatalError, match="another run has published in the meantime"):
            world.publish(late)
        assert [one.run_id for one in manifests(world)] == ["r2"]
        assert mark(world).run_id == "r2"
        assert world.abort(late).removed == 2, "its parts go: the place is another's for good"

    def test_one_that_sleeps_before_its_claim_loses_to_one_that_is_faster(
        self, world: World, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        put(world, "a", range(10))
        late = world.extract("by_file", "r1")
        world.upload(late)
        claim = Deliveries.claim

        def asleep(*args: Any) -> bool:
            monkeypatch.setattr(Deliveries, "claim", claim)
            world.run("by_file", "r2")
            return claim(*args)

        monkeypatch.setattr(Deliveries, "claim", asleep)
        with pytest.raises(FatalError, match="another run has published in the meantime"):
            world.publish(late)
        assert [one.run_id for one in manifests(world)] == ["r2"]

    @pytest.mark.parametrize("wakes", [True, False])
    def test_one_that_sleeps_before_its_manifest_is_published_by_the_next(
        self, world: World, monkeypatch: pytest.MonkeyPatch, wakes: bool
    ) -> None:
        """It has claimed its place: its rows are in no other delivery. The next run writes its manifest first."""
        put(world, "a", range(10))
        late = world.extract("by_file", "r1")
        world.upload(late)
        write = committing._put

        def asleep(*args: Any) -> None:
            monkeypatch.setattr(committing, "_put", write)
            put(world, "b", [10])
            world.run("by_file", "r2")
            assert len(manifests(world)) == 2
            if not wakes:
                raise Killed
            write(*args)

        monkeypatch.setattr(committing, "_put", asleep)
        if wakes:
            assert world.publish(late).outcome == "published"
        else:
            with pytest.raises(Killed):
                world.publish(late)
        world.run("by_file", "r3")
        assert (delivered(world, "r1"), delivered(world, "r2"), delivered(world, "r3")) == ([*range(10)], [10], [])

    @pytest.mark.parametrize("mode", [None, "full"])
    def test_a_delivery_whose_manifest_is_refused_holds_back_those_after_it(
        self, world: World, monkeypatch: pytest.MonkeyPatch, mode: str | None
    ) -> None:
        """A run with the mode `full` continues without it: what it delivers depends on no other."""
        put(world, "a", range(10))
        refused = str(world.plan("by_file", "r1").run.id)
        write = committing._put

        def deny(plan: Any, *args: Any) -> None:
            if str(plan.run.id) == refused:
                raise FatalError("permission denied", next_step="ask for it")
            write(plan, *args)

        monkeypatch.setattr(committing, "_put", deny)
        with pytest.raises(FatalError, match="permission denied"):
            world.run("by_file", "r1")
        if mode:
            world.run("by_file", "r2", mode=mode)
            assert delivered(world, "r2") == list(range(10))
            return
        with pytest.raises(
            FatalError, match="of run r1, is decided, but its manifest cannot be written: permi"
        ) as held:
            world.run("by_file", "r2")
        assert "mode `full`" in held.value.next_step
        monkeypatch.setattr(committing, "_put", write)
        world.run("by_file", "r2")
        assert (delivered(world, "r1"), delivered(world, "r2")) == ([*range(10)], [])

    def test_a_failed_run_that_is_cleared_later_starts_from_the_last_delivery(self, world: World) -> None:
        put(world, "a", range(10))
        world.upload(world.extract("by_file", "r1"))
        world.run("by_file", "r2")
        put(world, "b", [10])
        world.run("by_file", "r1")
        assert delivered(world, "r1") == [10]

    def test_a_published_run_that_is_cleared_delivers_the_same_again(self, world: World) -> None:
        put(world, "a", range(10))
        world.run("by_file", "r1")
        before = {name: (world.root / "out" / name).read_bytes() for name in world.delivered()}
        put(world, "b", [10])
        world.run("by_file", "r2")
        world.run("by_file", "r1")
        assert before.items() <= {n: (world.root / "out" / n).read_bytes() for n in world.delivered()}.items()
        assert mark(world).run_id == "r2"

    def test_a_published_run_whose_manifest_was_taken_away_delivers_the_same_again(self, world: World) -> None:
        """Deliveries follow it: started again, it would start after its own rows."""
        put(world, "a", range(10))
        world.run("by_file", "r1")
        for path in (world.root / "out").rglob("manifest-*"):
            path.unlink()
        put(world, "b", [10])
        world.run("by_file", "r1")
        world.run("by_file", "r2")
        assert (delivered(world, "r1"), delivered(world, "r2")) == ([*range(10)], [10])

    def test_a_published_run_whose_data_is_gone_is_left_as_it_is(self, world: World) -> None:
        put(world, "a", range(10))
        world.run("by_file", "r1")
        put(world, "a", range(5))
        with pytest.raises(FatalError, match="has been published, but its data can no longer be read"):
            world.extract("by_file", "r1")

    def test_a_full_export_has_no_slices(self, world: World) -> None:
        text = "{kind: dataset-export, connection: out, datasets: [files], mode: full}"
        world.declare({"exports/by_file.yaml": text})
        with pytest.raises(DefinitionError, match="has `mode: full`, so its runs cannot have `mode: incremental`"):
            world.plan("by_file", "r1", mode="incremental")
