"""What the index answers, and that its copy on the reader's disk is only a copy."""

from __future__ import annotations

import shutil
import sqlite3
import threading
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from itertools import permutations
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sluice.errors import DefinitionError, FatalError
from sluice.runs import cache as caching
from sluice.runs.answers import Page, Usage, Wanted
from sluice.runs.cache import Cache, Intake, location, row_of, writing
from sluice.runs.compact import compact
from sluice.runs.record import Record
from tests.unit.runs.journals import NOW, YESTERDAY, Scene, record, runs_of, totals

pytestmark = pytest.mark.slow  # every order of reading

HOUR = timedelta(hours=1)


def listed(scene: Scene, **wanted: Any) -> list[str]:
    index = scene.index()
    index.refresh()
    return [one.export for one in index.last(Wanted(**wanted)).records]


@pytest.fixture
def exports(scene: Scene) -> Scene:
    scene.add(
        record("apples", "r1", at=YESTERDAY, connection="s3", kind="segment-export", bytes=5),
        record(
            "apples", "r2", connection="s3", kind="segment-export", outcome="failed", why="gone", bytes=0, records=0
        ),
        record("berries", "r1", at=NOW - HOUR, connection="sftp", kind="dataset-export", records=7),
        record("Cherries", "r1", at=YESTERDAY, connection="sftp", kind="dataset-export", records=9, bytes=900),
    )
    return scene


def test_the_last_run_of_each_export(exports: Scene) -> None:
    index = exports.index()
    index.refresh()
    assert [(one.export, one.run, one.outcome) for one in index.last().records] == [
        ("Cherries", "r1", "published"),
        ("apples", "r2", "failed"),
        ("berries", "r1", "published"),
    ]


@pytest.mark.parametrize(
    ("wanted", "expected"),
    [
        ({"sort": "recorded", "descending": True}, ["apples", "berries", "Cherries"]),
        ({"sort": "records"}, ["apples", "berries", "Cherries"]),
        ({"sort": "bytes", "descending": True}, ["Cherries", "berries", "apples"]),
        ({"outcomes": ["failed", "held"]}, ["apples"]),
        ({"connections": ["sftp"]}, ["Cherries", "berries"]),
        ({"kinds": ["dataset-export"], "outcomes": ["failed"]}, []),
        ({"text": "ERR"}, ["Cherries", "berries"]),
        ({"text": "%"}, []),
        ({"text": "' OR 1=1 --"}, []),
        ({"limit": 1, "offset": 1}, ["apples"]),
        ({"limit": 0}, []),
        ({"offset": 9}, []),
    ],
)
def test_it_is_sorted_filtered_and_paged(exports: Scene, wanted: dict[str, Any], expected: list[str]) -> None:
    assert listed(exports, **wanted) == expected


def test_a_page_says_how_many_there_are(exports: Scene) -> None:
    index = exports.index()
    index.refresh()
    assert index.last(Wanted(connections=["sftp"], limit=1)).total == 2
    assert index.history("apples", 1, 1) == Page(index.history("apples", 2).records[1:], 2)
    assert index.history("none", 5) == Page([], 0)


def test_the_last_delivery_of_each_export(exports: Scene) -> None:
    """Whatever ended after it."""
    index = exports.index()
    index.refresh()
    found = {one.export: (one.run, one.bytes) for one in index.delivered()}
    assert found == {"Cherries": ("r1", 900), "apples": ("r1", 5), "berries": ("r1", 100)}
    exports.add(record("apples", "r3", at=NOW + HOUR, bytes=7), record("dates", "r1", outcome="held"))
    index.refresh()
    found = {one.export: (one.run, one.bytes) for one in index.delivered()}
    assert found == {"Cherries": ("r1", 900), "apples": ("r3", 7), "berries": ("r1", 100)}


def test_one_run_and_those_that_ended_before(exports: Scene) -> None:
    index = exports.index()
    index.refresh()
    found = index.find("apples", "r2")
    assert found is not None
    assert found.why == "gone"
    assert index.find("apples", "r9") is None
    assert [one.run for one in index.ended_before("apples", NOW + HOUR, 9)] == ["r2", "r1"]
    assert [one.run for one in index.ended_before("apples", NOW + HOUR, 1)] == ["r2"]
    assert [one.run for one in index.ended_before("apples", NOW, 9)] == ["r1"]


def test_only_known_fields_sort(exports: Scene) -> None:
    with pytest.raises(DefinitionError, match="not sorted by 'export; DROP TABLE last'"):
        exports.index().last(Wanted(sort="export; DROP TABLE last"))


def test_usage_counts_deliveries(exports: Scene) -> None:
    exports.add(record("apples", "r0", at=YESTERDAY - timedelta(days=40), connection="s3", records=3, bytes=30))
    index = exports.index()
    index.refresh()
    assert index.usage("connection") == [
        Usage("2026-10", "s3", 1, 1, 1, 3, 30),
        Usage("2026-11", "s3", 2, 1, 1, 10, 5),
        Usage("2026-11", "sftp", 2, 2, 2, 16, 1000),
    ]
    assert index.usage("export", "2026-11", "2026-11")[1] == Usage("2026-11", "apples", 2, 1, 1, 10, 5)


def test_a_run_that_reports_again_counts_once(scene: Scene) -> None:
    index = scene.index()
    for n, outcome in enumerate(["failed", "unknown", "published"]):
        scene.add(record(at=NOW + n * HOUR, outcome=outcome))
        assert [one.outcome for one in _history(scene)] == [outcome]
    index.refresh()
    assert index.usage("export") == [Usage("2026-11", "people", 1, 1, 1, 10, 100)]


def _history(scene: Scene) -> list[Record]:
    index = scene.index()
    index.refresh()
    return index.history("people", 10).records


def test_a_delivery_stays_one_whatever_is_reported_later(scene: Scene) -> None:
    scene.add(record(), record(at=NOW + HOUR, outcome="failed", why="this run did not report how it ended"))
    assert [one.outcome for one in _history(scene)] == ["published"]


def test_the_clock_of_the_store_decides_not_those_of_the_workers(scene: Scene) -> None:
    """The worker that held the run is three days behind the one on which it had failed before."""
    scene.add(record(run="r1", at=NOW, ended=NOW + timedelta(days=1), outcome="failed"))
    scene.add(record(run="r1", at=NOW + HOUR, ended=NOW - timedelta(days=2), outcome="held"))
    scene.add(record(run="r2", at=NOW + 2 * HOUR, ended=NOW - timedelta(days=5)))
    assert [(one.run, one.outcome) for one in _history(scene)] == [("r2", "published"), ("r1", "held")]
    before = totals(scene.new_index())
    assert compact(scene.journal, NOW) == {"2026-11-21": 1, "2026-11-24": 1}
    assert totals(scene.new_index()) == totals(scene.index()) == before


def test_runs_of_the_same_second_are_in_the_order_in_which_they_ended(scene: Scene) -> None:
    """Object stores know the time of a file in whole seconds."""
    for n in range(6):
        scene.add(record(run=f"r{n}", ended=NOW + timedelta(milliseconds=n)))
    assert runs_of(scene.index()) == [f"r{n}" for n in reversed(range(6))]


def test_a_backfill_that_repeats_a_slice_is_another_run(scene: Scene) -> None:
    for run in ("backfill__1", "backfill__2"):
        scene.add(record(run=run).model_copy(update={"flow_run_id": "the slice"}))
    assert sorted(runs_of(scene.index())) == ["backfill__1", "backfill__2"]


RECORDS = st.lists(
    st.builds(
        lambda export, run, outcome, hours, ended, records: record(
            export, run, at=NOW + hours * HOUR, ended=NOW + ended * HOUR, outcome=outcome, records=records
        ),
        st.sampled_from(["a", "b"]),
        st.sampled_from(["r1", "r2", "r3"]),
        st.sampled_from(["published", "failed", "unknown"]),
        st.integers(0, 3),
        st.integers(-800, 800),
        st.integers(0, 5),
    ),
    max_size=8,
)


@given(RECORDS, st.randoms(use_true_random=False))
def test_the_order_of_reading_changes_nothing(tmp_path_factory: Any, records: list[Record], random: Any) -> None:
    """In any order, in any groups, and repeated."""
    shuffled = records + records[:2]
    random.shuffle(shuffled)
    cut = random.randint(0, len(shuffled))
    folder = tmp_path_factory.mktemp("caches")
    answers = []
    for name, groups in (("one", [records]), ("other", [shuffled[:cut], shuffled[cut:]])):
        with Cache(folder / name).opened() as database:
            for group in groups:
                with writing(database):
                    intake = Intake(database)
                    intake.add(map(row_of, group))
                    intake.finish()
            tables = ("runs", "last", "delivered", "usage", "volume")
            answers.append([set(database.execute(f"SELECT * FROM {table}")) for table in tables])  # noqa: S608
    assert answers[0] == answers[1]
    kept = {(one.export, one.run) for one in records}
    assert len(answers[0][0]) == len(kept)
    assert sum(row[3] for row in answers[0][3] if row[0] == "export") == len(kept)


def test_days_that_are_known_are_not_read_again(scene: Scene) -> None:
    scene.add(*(record(run=f"r{n}", at=NOW - timedelta(days=n)) for n in range(4)))
    compact(scene.journal, NOW)
    index = scene.index()
    index.refresh()
    scene.add(record(run="new", at=NOW + HOUR))
    calls: list[int] = []
    index._journal = scene.acting(calls.append)
    assert runs_of(index)[0] == "new"
    assert len(calls) == 3, "two listings and the new record"
    shutil.rmtree(scene.root / "sluice_staging" / "staging" / "index" / "new")
    index.refresh()
    assert len(calls) == 5


@pytest.mark.parametrize("body", [b"", b"no database" * 1000, b"SQLite format 3\x00" + b"\xff" * 5000])
def test_a_corrupt_copy_is_built_again(exports: Scene, body: bytes) -> None:
    expected = totals(exports.index())
    exports.cache().write_bytes(body)
    assert totals(exports.index()) == expected
    exports.cache().write_bytes(body or b"no database" * 1000)
    assert len(exports.index().last().records) == 3, "without a refresh too"


def test_a_copy_that_is_corrupt_in_the_middle_is_built_again(exports: Scene) -> None:
    exports.add(*(record("many", f"r{n}", why=str(n) * 50) for n in range(200)))
    expected = totals(exports.index())
    with sqlite3.connect(exports.cache()) as database:
        database.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        database.execute("PRAGMA journal_mode = DELETE")
    body = bytearray(exports.cache().read_bytes())
    body[4096:] = b"\xaa" * (len(body) - 4096)
    exports.cache().write_bytes(body)
    assert totals(exports.index()) == expected


def test_a_copy_of_another_version_is_built_again(exports: Scene, monkeypatch: pytest.MonkeyPatch) -> None:
    expected = totals(exports.index())
    monkeypatch.setattr(caching, "FORMAT", caching.FORMAT + 1)
    monkeypatch.setattr(caching, "TABLES", caching.TABLES + "CREATE TABLE more (x)")
    assert totals(exports.index()) == expected
    with sqlite3.connect(exports.cache()) as database:
        assert database.execute("PRAGMA user_version").fetchone() == (caching.FORMAT,)


def test_days_that_were_removed_from_staging_leave_the_copy(scene: Scene) -> None:
    scene.add(record(run="old", at=YESTERDAY), record(run="new"))
    compact(scene.journal, NOW)
    index = scene.index()
    assert runs_of(index) == ["new", "old"]
    scene.folder.remove_tree("days/2026-11-25.1")
    assert runs_of(index) == ["new"]


def test_many_readers_share_a_copy(scene: Scene) -> None:
    scene.add(*(record(run=f"r{n}", at=NOW - timedelta(hours=n)) for n in range(60)))
    compact(scene.journal, NOW)
    with ThreadPoolExecutor(6) as threads:
        answers = list(threads.map(lambda _: totals(scene.index()), range(12)))
    assert answers == [totals(scene.new_index())] * 12


def test_a_reader_answers_while_another_process_updates_the_copy(
    scene: Scene, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(caching, "_WAIT", 0.1)
    scene.add(record(run="r1"))
    assert runs_of(scene.index()) == ["r1"]
    scene.add(record(run="r2"))
    updating, over = threading.Event(), threading.Event()

    def update() -> None:
        with Cache(scene.cache()).opened() as database, writing(database):
            updating.set()
            over.wait(300)

    other = threading.Thread(target=update)
    other.start()
    updating.wait(300)
    try:
        assert runs_of(scene.index()) == ["r1"]
    finally:
        over.set()
        other.join()
    assert "another process is updating the index of runs" in caplog.text
    assert sorted(runs_of(scene.index())) == ["r1", "r2"]


def test_the_copy_is_private_and_has_its_place(scene: Scene, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    scene.index().refresh()
    assert scene.cache().stat().st_mode & 0o077 == 0
    monkeypatch.setenv("SLUICE_CACHE", str(tmp_path / "own"))
    assert location("a").parent == tmp_path / "own"
    assert location("a") != location("b")
    monkeypatch.delenv("SLUICE_CACHE")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "xdg"))
    assert location("a").parent == tmp_path / "xdg" / "sluice"
    monkeypatch.delenv("XDG_CACHE_HOME")
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    assert location("a").parent == tmp_path / "home" / ".cache" / "sluice"


def test_a_folder_that_cannot_be_written_is_named(scene: Scene) -> None:
    (scene.root / "caches").write_text("a file")
    with pytest.raises(FatalError, match="copy of the index of runs") as page:
        scene.index().refresh()
    assert "SLUICE_CACHE" in page.value.next_step


def test_records_rank_alike_in_any_order() -> None:
    """Two workers that report at the same moment: every reader shows the same one."""
    twins = [record(outcome="failed", why=why) for why in ("a", "b", "c")]
    answers = set()
    for order in permutations(twins):
        with sqlite3.connect(":memory:") as database:
            database.executescript(caching.TABLES)
            intake = Intake(database)
            intake.add(map(row_of, order))
            answers.add(database.execute("SELECT why FROM runs").fetchall()[0])
    assert len(answers) == 1
