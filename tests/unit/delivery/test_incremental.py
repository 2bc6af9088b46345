"""Incremental runs: what is new, by files, snapshots, a column, and for a backfill."""

from __future__ import annotations

import json
import os
import shutil
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import deltalake
import pyarrow as pa
import pytest

from sluice.delivery.cleaning.clean import Cleaner
from sluice.delivery.publish import publish as publishing
from sluice.errors import DefinitionError, FatalError
from sluice.model.run import Window
from tests.builders import NOW, World
from tests.unit.delivery.increments import FILES, HOUR, delivered, increments, manifests, mark, put, stamp


@pytest.fixture
def world(tmp_path: Path) -> World:
    return increments(tmp_path)


class TestSnapshots:
    def test_a_run_delivers_what_was_committed_since_the_last_delivery(self, world: World) -> None:
        def append(ids: range) -> None:
            deltalake.write_deltalake(world.root / "lake" / "table", pa.table({"id": ids}), mode="append")

        append(range(10))
        world.run("by_snapshot", "r1")
        append(range(10, 12))
        append(range(12, 15))
        deltalake.DeltaTable(world.root / "lake" / "table").optimize.compact()
        world.run("by_snapshot", "r2")
        world.run("by_snapshot", "r3")
        assert [sorted(delivered(world, run, "by_snapshot")) for run in ("r1", "r2", "r3")] == [
            list(range(10)),
            list(range(10, 15)),
            [],
        ]
        assert mark(world, "by_snapshot").feeds["table"].at == "3"


class TestFiles:
    def test_the_first_run_delivers_everything_and_the_next_what_was_added(self, world: World) -> None:
        put(world, "a", range(10))
        world.run("by_file", "r1")
        put(world, "b", range(10, 15))
        world.run("by_file", "r2")
        assert delivered(world, "r1") == list(range(10))
        assert delivered(world, "r2") == list(range(10, 15))
        first, second = sorted(manifests(world), key=lambda one: one.run_id)
        assert (first.previous, second.previous) == (None, first.flowRunId)
        assert (mark(world).run, mark(world).run_id, mark(world).previous) == (second.flowRunId, "r2", first.flowRunId)

    def test_a_run_without_news_publishes_an_empty_delivery(self, world: World) -> None:
        put(world, "a", range(10))
        world.run("by_file", "r1")
        assert world.run("by_file", "r2").records == 0
        assert mark(world).run_id == "r2"

    def test_a_rewritten_file_is_new_and_a_removed_one_is_nothing(self, world: World) -> None:
        put(world, "a", range(10))
        put(world, "b", range(10, 20)).touch()
        world.run("by_file", "r1")
        put(world, "a", range(3))
        (world.root / "lake" / "files" / "b.parquet").unlink()
        world.run("by_file", "r2")
        assert delivered(world, "r2") == [0, 1, 2]

    def test_a_failed_runs_slice_is_in_the_next(self, world: World) -> None:
        put(world, "a", range(10))
        world.run("by_file", "r1")
        put(world, "b", range(10, 15))
        world.upload(world.extract("by_file", "r2"))
        put(world, "c", range(15, 18))
        world.run("by_file", "r3")
        assert delivered(world, "r3") == list(range(10, 18))

    def test_columns_stay_when_the_new_files_lack_them(self, world: World) -> None:
        put(world, "a", [1], town=["Győr"])
        world.run("by_file", "r1")
        put(world, "b", [2])
        world.run("by_file", "r2")
        (second,) = [one for one in manifests(world) if one.run_id == "r2"]
        assert second.feeds["files"].columns == {"id": "int64", "town": "string"}

    def test_on_demand_everything_is_delivered_again_and_counts_from_there(self, world: World) -> None:
        put(world, "a", range(10))
        world.run("by_file", "r1")
        world.run("by_file", "r2", mode="full")
        put(world, "b", [10])
        world.run("by_file", "r3")
        assert delivered(world, "r2") == list(range(10))
        assert delivered(world, "r3") == [10]

    @pytest.mark.slow
    def test_a_list_of_files_too_long_for_the_store_waits_in_staging(
        self, world: World, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(publishing, "SMALL", 100)
        put(world, "a", range(10))
        world.run("by_file", "r1")
        assert len(json.dumps(world.watermarks["by_file"])) < 700
        assert mark(world).feeds == {}
        put(world, "b", [10])
        world.run("by_file", "r2")
        assert delivered(world, "r2") == [10]
        shutil.rmtree(world.root / "sluice_staging" / "staging" / "deliveries" / "by_file" / "log")
        with pytest.raises(FatalError, match="staging has lost") as lost:
            world.extract("by_file", "r3")
        assert "mode `full`" in lost.value.next_step
        world.run("by_file", "r4", mode="full")
        put(world, "c", [11])
        world.run("by_file", "r5")
        assert (delivered(world, "r4"), delivered(world, "r5")) == ([*range(11)], [11])

    @pytest.mark.slow
    def test_staging_that_was_restored_to_an_earlier_state_is_refused(self, world: World) -> None:
        log = world.root / "sluice_staging" / "staging" / "deliveries" / "by_file" / "log"
        for number in (1, 2, 3):
            put(world, f"file{number}", [number])
            world.run("by_file", f"r{number}")
        shutil.rmtree(log / "00000003")
        with pytest.raises(FatalError, match="has lost deliveries after number 2; number 3 was published") as lost:
            world.extract("by_file", "r4")
        assert "mode `full`" in lost.value.next_step
        world.run("by_file", "r4", mode="full")
        put(world, "file9", [9])
        world.run("by_file", "r5")
        assert (delivered(world, "r4"), delivered(world, "r5")) == ([1, 2, 3], [9])

    @pytest.mark.slow
    def test_nobody_follows_a_delivery_that_staging_was_restored_to(self, world: World) -> None:
        log = world.root / "sluice_staging" / "staging" / "deliveries" / "by_file" / "log"
        put(world, "a", [1])
        world.run("by_file", "r1")
        put(world, "b", [2])
        late = world.extract("by_file", "late")
        world.upload(late)
        world.run("by_file", "r2")
        shutil.rmtree(log / "00000002")
        world.run("by_file", "r3", mode="full")
        with pytest.raises(FatalError, match="another run has published in the meantime"):
            world.publish(late)

    def test_staging_that_was_lost_goes_on_from_what_airflow_knows(self, world: World) -> None:
        put(world, "a", range(10))
        world.run("by_file", "r1")
        shutil.rmtree(world.root / "sluice_staging")
        put(world, "b", [10])
        world.run("by_file", "r2")
        assert delivered(world, "r2") == [10]


class TestColumn:
    def test_from_lies_outside_and_to_inside(self, world: World) -> None:
        stamp(world, "a", {1: NOW - 5 * HOUR, 2: NOW - 3 * HOUR})
        world.run("by_column", "r1")
        stamp(world, "b", {3: NOW - 3 * HOUR + timedelta(microseconds=1), 4: NOW - 2 * HOUR})
        world.run("by_column", "r2")
        assert delivered(world, "r1", "by_column") == [1, 2]
        assert delivered(world, "r2", "by_column") == [3, 4]

    def test_young_rows_wait_so_that_late_ones_are_not_missed(self, world: World) -> None:
        stamp(world, "a", {1: NOW - 2 * HOUR, 2: NOW - HOUR, 3: NOW - HOUR + timedelta(microseconds=1)})
        world.run("by_column", "r1")
        stamp(world, "b", {4: NOW - HOUR + timedelta(microseconds=1), 5: NOW})
        world.now = NOW + HOUR
        world.run("by_column", "r2")
        assert delivered(world, "r1", "by_column") == [1, 2]
        assert sorted(delivered(world, "r2", "by_column")) == [3, 4, 5]

    def test_a_row_at_the_very_edge_that_comes_later_than_allowed_is_left_out(self, world: World) -> None:
        stamp(world, "a", {1: NOW - 2 * HOUR})
        world.run("by_column", "r1")
        stamp(world, "b", {2: NOW - 2 * HOUR})
        world.run("by_column", "r2")
        assert delivered(world, "r2", "by_column") == []

    def test_a_stamp_from_the_future_waits_and_holds_nothing_back(self, world: World) -> None:
        stamp(world, "a", {1: NOW - 2 * HOUR, 2: NOW + 1000 * HOUR})
        world.run("by_column", "r1")
        stamp(world, "b", {3: NOW - HOUR})
        world.run("by_column", "r2")
        assert delivered(world, "r1", "by_column") == [1]
        assert delivered(world, "r2", "by_column") == [3]

    def test_a_worker_whose_clock_is_ahead_passes_no_value_whose_rows_are_still_to_come(self, world: World) -> None:
        """Staging's store tells the time: here it is right, and the worker's clock is two hours ahead."""
        now = datetime.now(UTC)
        world.now = now + 2 * HOUR
        stamp(world, "a", {1: now - 2 * HOUR, 2: now - HOUR / 2, 3: now + HOUR})
        report = world.run("by_column", "ahead")
        assert "ahead of that of staging's store" in "".join(report.warnings)
        assert delivered(world, "ahead", "by_column") == [1], "the others are younger than `late`"
        stamp(world, "b", {4: now - HOUR / 2})  # late, within what is allowed
        world.now = now + 4 * HOUR
        world.run("by_column", "still-ahead")
        assert delivered(world, "still-ahead", "by_column") == []

    def test_a_worker_whose_clock_is_behind_lets_rows_wait(self, world: World) -> None:
        now = datetime.now(UTC)
        world.now = now - 2 * HOUR
        stamp(world, "a", {1: now - 4 * HOUR, 2: now - 2 * HOUR})
        world.run("by_column", "behind")
        world.now = now
        assert world.run("by_column", "right").warnings == ()
        assert [delivered(world, run, "by_column") for run in ("behind", "right")] == [[1], [2]]

    def test_a_zones_repeated_hour_is_two_hours(self, world: World) -> None:
        zone = ZoneInfo("Europe/Budapest")
        first = datetime(2026, 10, 25, 2, 30, tzinfo=zone)
        times = {1: first.astimezone(UTC), 2: first.replace(fold=1).astimezone(UTC)}
        assert times[2] - times[1] == HOUR
        kind = pa.timestamp("ms", "Europe/Budapest")
        stamp(world, "a", {1: times[1]}, kind)
        world.now = datetime(2026, 10, 26, tzinfo=UTC)
        world.run("by_column", "r1")
        stamp(world, "b", {2: times[2]}, kind)
        world.run("by_column", "r2")
        assert [delivered(world, run, "by_column") for run in ("r1", "r2")] == [[1], [2]]
        assert mark(world, "by_column").feeds["stamped"].at == "2026-10-25T01:30:00.000000000Z"

    def test_a_time_without_a_zone_is_utc(self, world: World) -> None:
        naive = NOW.replace(tzinfo=None)
        stamp(world, "a", {1: naive - HOUR, 2: naive - HOUR + timedelta(seconds=1)}, pa.timestamp("ns"))
        world.run("by_column", "r1")
        assert delivered(world, "r1", "by_column") == [1]

    def test_a_date_is_delivered_once_its_day_is_over(self, world: World) -> None:
        stamp(world, "a", {1: date(2026, 3, 8), 2: date(2026, 3, 9)}, pa.date32())
        world.run("by_column", "r1")
        world.now = datetime(2026, 3, 10, 1, tzinfo=UTC)
        stamp(world, "b", {3: date(2026, 3, 9), 4: date(2026, 3, 10)}, pa.date32())
        world.run("by_column", "r2")
        assert delivered(world, "r1", "by_column") == [1]
        assert sorted(delivered(world, "r2", "by_column")) == [2, 3]

    def test_growing_numbers(self, world: World) -> None:
        text = FILES["catalog/datasets.yaml"].replace("{column: at, late: 1 hour}", "{column: id}")
        world.declare({"catalog/datasets.yaml": text})
        put(world, "a", range(12), "stamped")
        world.run("by_column", "r1")
        put(world, "b", range(10, 14), "stamped")
        world.run("by_column", "r2")
        assert delivered(world, "r1", "by_column") == list(range(12))
        assert delivered(world, "r2", "by_column") == [12, 13]

    @pytest.mark.parametrize(
        ("spec", "error", "words"),
        [
            ("{column: name}", DefinitionError, "has no order in time"),
            ("{column: id, late: 1 hour}", DefinitionError, "`late` needs a column of times"),
            ("{column: att}", DefinitionError, "no column 'att'"),
            ("{column: sometimes}", FatalError, "1 rows of .* have no sometimes"),
        ],
    )
    def test_a_column_that_cannot_tell(self, world: World, spec: str, error: type[Exception], words: str) -> None:
        text = FILES["catalog/datasets.yaml"].replace("{column: at, late: 1 hour}", spec)
        world.declare({"catalog/datasets.yaml": text})
        put(world, "a", [1, 2], "stamped", at=[NOW, NOW], name=["a", "b"], sometimes=[1, None])
        with pytest.raises(error, match=words):
            world.extract("by_column", "r1")

    def test_another_way_of_telling_starts_anew_only_when_asked(self, world: World) -> None:
        stamp(world, "a", {1: NOW - 2 * HOUR})
        world.run("by_column", "r1")
        world.declare(
            {"catalog/datasets.yaml": FILES["catalog/datasets.yaml"].replace("column: at, late: 1 hour", "column: id")}
        )
        with pytest.raises(FatalError, match="by its column at, but its new rows are now found by its column id"):
            world.extract("by_column", "r2")
        world.run("by_column", "r3", mode="full")
        assert delivered(world, "r3", "by_column") == [1]


DAY = Window(after=NOW - 30 * HOUR, until=NOW - 6 * HOUR)


class TestBackfill:
    @pytest.fixture
    def backfilled(self, world: World) -> dict[str, bytes]:
        """A week of stamps, and one day of it delivered by itself."""
        stamp(world, "a", {n: NOW - HOUR * n for n in range(1, 100)})
        world.run("by_column", "r1")
        world.run("by_column", "backfill__1", run_type="backfill", window=DAY)
        return self.files(world)

    def files(self, world: World) -> dict[str, bytes]:
        """The backfill's parts."""
        (found,) = [one for one in manifests(world) if one.feeds["stamped"].window]
        return {part.path: (world.root / "out" / "drop" / part.path).read_bytes() for part in found.exportResults}

    def test_it_holds_the_slice_alone_and_leaves_the_watermark(
        self, world: World, backfilled: dict[str, bytes]
    ) -> None:
        assert sorted(delivered(world, "backfill__1", "by_column")) == list(range(6, 30))
        assert mark(world, "by_column").run_id == "r1"

    @pytest.mark.slow
    def test_asked_for_again_it_gives_the_same_bytes(self, world: World, backfilled: dict[str, bytes]) -> None:
        for path in (world.root / "out").rglob("part-*"):
            path.write_bytes(b"spoiled")
        world.run("by_column", "scheduled__of_another_name", run_type="backfill", window=DAY)
        assert self.files(world) == backfilled

    @pytest.mark.slow
    def test_without_its_manifest_it_is_made_anew(self, world: World, backfilled: dict[str, bytes]) -> None:
        stamp(world, "late", {1000: NOW - 7 * HOUR})
        (path,) = [path for path in (world.root / "out").rglob("manifest-*") if b'"window": "(' in path.read_bytes()]
        path.unlink()
        world.run("by_column", "backfill__2", run_type="backfill", window=DAY)
        assert 1000 in delivered(world, "backfill__2", "by_column")

    def test_published_and_with_other_data_it_is_left_as_it_is(
        self, world: World, backfilled: dict[str, bytes]
    ) -> None:
        stamp(world, "a", {n: NOW - HOUR * n for n in range(2, 50)})
        with pytest.raises(FatalError, match="has been published") as refused:
            world.extract("by_column", "backfill__2", run_type="backfill", window=DAY)
        assert "remove that manifest" in refused.value.next_step
        assert self.files(world) == backfilled

    def test_files_count_by_the_time_they_were_written(self, world: World) -> None:
        for name, hours in (("a", 30), ("b", 20), ("c", 6), ("d", 5)):
            path = put(world, name, [hours])
            os.utime(path, ((NOW - HOUR * hours).timestamp(),) * 2)
        world.run("by_file", "backfill__1", run_type="backfill", window=DAY)
        assert delivered(world, "backfill__1") == [20, 6]

    def test_numbers_know_no_time(self, world: World) -> None:
        text = FILES["catalog/datasets.yaml"].replace("{column: at, late: 1 hour}", "{column: id}")
        world.declare({"catalog/datasets.yaml": text})
        put(world, "a", range(12), "stamped")
        with pytest.raises(DefinitionError, match="does not show when a row was added"):
            world.extract("by_column", "backfill__1", run_type="backfill", window=DAY)

    def test_a_whole_backfill_moves_nothing_either(self, world: World) -> None:
        put(world, "a", range(10))
        assert not world.run("by_file", "backfill__1", run_type="backfill", mode="full").wakes
        assert delivered(world, "backfill__1") == list(range(10))
        assert world.watermarks == {}

    def test_a_dry_run_of_the_same_slice_leaves_what_a_dead_one_has_staged(self, world: World) -> None:
        stamp(world, "a", {n: NOW - HOUR * n for n in range(1, 100)})
        world.upload(world.extract("by_column", "dead", run_type="backfill", window=DAY))
        world.extract("by_column", "dry", run_type="backfill", window=DAY, dry_run=True)
        cleaner = Cleaner(world.plan("by_column").staging, "by_column", world, lambda _: True)
        assert list(cleaner.due()) == ["dead"], "a dry run leaves nothing"
        assert [one.run for one in cleaner.clean(world.now)] == ["dead"]
        assert world.delivered() == []

    def test_it_wakes_downstream_only_when_asked(self, world: World) -> None:
        put(world, "a", range(10))
        assert world.run("by_file", "r1").wakes
        assert not world.run("by_file", "b1", window=DAY).wakes
        again = Window(after=DAY.after, until=NOW)
        assert world.run("by_file", "b2", window=again, wake_downstream=True).wakes
