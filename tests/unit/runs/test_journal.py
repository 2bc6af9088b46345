"""The journal: records that any number of workers append, and days that are packed whatever happens in between."""

from __future__ import annotations

import json
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from itertools import count
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from sluice.errors import FatalError
from sluice.runs import parquet
from sluice.runs.compact import compact
from sluice.runs.journal import DayFile
from sluice.runs.record import Record, first_line
from tests.unit.runs.journals import NOW, YESTERDAY, Died, Scene, record, runs_of, totals

pytestmark = pytest.mark.slow  # processes that pack at the same time


def test_a_record_comes_back_as_it_was_written(scene: Scene) -> None:
    one = record(
        run="manual__2026-11-26T12:00:00+00:00/../x\\y\n%2F?*\u202e",
        why="Grüße",
        started=NOW - timedelta(seconds=5),
        window="(a, b]",
        seconds=1.25,
        manifest="s3://b/m",
        warnings=2,
        kind="dataset-export",
        mode="full",
        rejected=3,
        duplicates=4,
    )
    scene.add(one)
    assert list(scene.journal.read(scene.journal.new())) == [(one.id, one)]
    index = scene.index()
    index.refresh()
    assert index.history("people", 1).records == [one]
    compact(scene.journal, NOW + timedelta(days=1))
    packed = scene.new_index()
    packed.refresh()
    assert packed.history("people", 1).records == [one]


def test_names_are_safe_in_every_store(scene: Scene) -> None:
    scene.add(record(run="scheduled__2026-11-26T00:00:00+00:00"), record(export="../../x y:z", run="a/b"))
    for name in scene.files():
        assert set(name) <= set("new/-.json0123456789abcdef")
        assert name.startswith("new/2026-11-26-")


def test_the_same_record_is_one_file(scene: Scene) -> None:
    scene.add(record(), record())
    assert len(scene.files()) == 1


def test_many_writers_lose_nothing(scene: Scene) -> None:
    with ThreadPoolExecutor(8) as threads:
        list(threads.map(lambda n: scene.add(record(run=f"r{n}", at=NOW + timedelta(seconds=n))), range(40)))
    assert runs_of(scene.index()) == [f"r{n}" for n in reversed(range(40))]


def test_days_that_are_over_are_packed_and_today_is_not(scene: Scene) -> None:
    scene.add(*(record(run=f"y{n}", at=YESTERDAY) for n in range(3)), record(run="today"))
    before = totals(scene.new_index())
    assert compact(scene.journal, NOW) == {"2026-11-25": 3}
    assert [name for name in scene.files() if name.startswith("days")] == ["days/2026-11-25.1/runs.parquet"]
    assert len(scene.journal.new()) == 1
    assert totals(scene.new_index()) == before
    assert compact(scene.journal, NOW) == {}


def test_a_record_that_arrives_late_is_found_and_packed_into_a_second_file(scene: Scene) -> None:
    index = scene.index()
    scene.add(record(run="r1", at=YESTERDAY))
    compact(scene.journal, NOW)
    assert runs_of(index) == ["r1"]
    scene.add(record(run="late", at=YESTERDAY + timedelta(seconds=1)))
    assert runs_of(index) == ["late", "r1"]
    assert compact(scene.journal, NOW) == {"2026-11-25": 1}
    assert scene.journal.files_of("2026-11-25") == [DayFile("2026-11-25", 1), DayFile("2026-11-25", 2)]
    assert runs_of(index) == runs_of(scene.new_index()) == ["late", "r1"]


def test_a_record_that_was_packed_before_is_not_packed_twice(scene: Scene) -> None:
    """A rebuild, or a process that slept, may append it again."""
    one = record(at=YESTERDAY)
    scene.add(one)
    compact(scene.journal, NOW)
    scene.add(one)
    assert compact(scene.journal, NOW) == {"2026-11-25": 0}
    assert scene.packed() == [one.id]
    assert scene.journal.new() == []


CALLS = 11
"""Of a process that packs `history`: one listing, and for each day a listing, reads, a creation and removals."""


def history(scene: Scene) -> list[Record]:
    """Records of two days that are over, and of today."""
    records = [record(run=f"r{n}", at=NOW - timedelta(days=n)) for n in range(3)]
    records += [record(export="news", run="r9", at=YESTERDAY)]
    scene.add(*records)
    return records


def test_a_process_that_dies_while_it_packs_loses_nothing(scene: Scene) -> None:
    """At whichever call it dies, a reader finds every run once, and the next process finishes."""
    for died_at in count():
        here = Scene(scene.root / str(died_at))
        records = history(here)
        expected = totals(here.new_index())

        def die(call: int, died_at: int = died_at) -> None:
            if call == died_at:
                raise Died

        try:
            compact(here.acting(die), NOW)
            break
        except Died:
            assert totals(here.new_index()) == expected
        compact(here.journal, NOW)
        assert totals(here.new_index()) == expected
        assert here.packed() == sorted(one.id for one in records[1:])
        assert here.journal.new() == [records[0].id]
    assert died_at == CALLS


@pytest.mark.parametrize("late", [False, True])
def test_two_processes_pack_at_the_same_time(scene: Scene, late: bool) -> None:
    """At each call of the one, the other does all of its work, and a reader reads. `late`: so does a late record."""
    for meets_at in count():
        here = Scene(scene.root / str(meets_at))
        records = history(here)
        reader = here.index()
        met: list[Any] = []

        def meet(call: int, meets_at: int = meets_at, here: Scene = here, met: list[Any] = met) -> None:
            if call == meets_at:
                if late:
                    here.add(record(run="late", at=YESTERDAY))
                met.append(compact(here.journal, NOW))
                totals(here.index())

        compact(here.acting(meet), NOW)
        if not met:
            break
        expected = [*records[1:], *([record(run="late", at=YESTERDAY)] if late else [])]
        assert here.packed() == sorted(one.id for one in expected)
        assert here.journal.new() == [records[0].id]
        assert totals(reader) == totals(here.new_index())
        assert len(runs_of(reader)) == (4 if late else 3)
    assert meets_at == CALLS


def test_a_reader_finds_what_is_packed_while_it_reads(scene: Scene) -> None:
    for meets_at in count():
        here = Scene(scene.root / str(meets_at))
        history(here)
        expected = totals(here.new_index())
        met: list[Any] = []

        def meet(call: int, meets_at: int = meets_at, here: Scene = here, met: list[Any] = met) -> None:
            if call == meets_at:
                met.append(compact(here.journal, NOW))

        index = here.index()
        index._journal = here.acting(meet)
        assert totals(index) == expected
        if not met:
            break
    assert meets_at > 2


BAD = {"ended": "0001-01-01T00:00:00+14:00", "recorded": "9999-12-31T23:59:59Z", "records": 10**30, "export": None}


def test_a_record_that_cannot_be_read_stops_nothing(scene: Scene, caplog: pytest.LogCaptureFixture) -> None:
    bad = f"new/2026-11-25-{'0' * 32}.json"
    for n, (field, value) in enumerate(BAD.items(), 2):
        text = json.dumps(json.loads(record(at=YESTERDAY).text) | {field: value})
        scene.folder.write_bytes(bad.replace("0" * 32, str(n) * 32), text.encode())
    newer = record(at=YESTERDAY).text.replace('"version":1', '"version":2')
    scene.add(record(run="good", at=YESTERDAY))
    scene.folder.write_bytes(bad, b"\xff{")
    scene.folder.write_bytes(bad.replace("0" * 32, "1" * 32), newer.encode())
    scene.folder.write_bytes("new/notes.txt", b"someone's own")
    assert runs_of(scene.index()) == ["good"]
    assert bad in caplog.text
    assert compact(scene.journal, NOW) == {"2026-11-25": 1}
    assert len(scene.journal.new()) == 2 + len(BAD), "a newer version of Sluice can still read it"
    assert runs_of(scene.new_index()) == ["good"]


def written(**values: Any) -> bytes:
    """A packed file in which one record has these values."""
    table = parquet.read(parquet.write([record(at=YESTERDAY)]))
    changed = [pa.array([values.get(field.name, table[field.name][0].as_py())], field.type) for field in table.schema]
    sink = pa.BufferOutputStream()
    pq.write_table(pa.table(changed, table.schema), sink)
    return bytes(sink.getvalue())


@pytest.mark.parametrize(
    "body",
    [b"", b"PAR1 no", b"\x00" * 100, written(export=None), written(ended=2**62), written(started=-(2**62))],
    ids=["empty", "short", "zeros", "no export", "far future", "far past"],
)
def test_a_packed_file_that_cannot_be_read_stops_nothing(
    scene: Scene, body: bytes, caplog: pytest.LogCaptureFixture
) -> None:
    scene.folder.create("days/2026-11-25.1/runs.parquet", body)
    scene.add(record(run="good"), record(run="late", at=YESTERDAY))
    assert runs_of(scene.index()) == ["good", "late"]
    assert "days/2026-11-25.1/runs.parquet" in caplog.text
    with pytest.raises(FatalError, match=r"2026-11-25\.1"):
        compact(scene.journal, NOW)
    assert runs_of(scene.new_index()) == ["good", "late"]


def test_one_process_a_day_gets_the_turn(scene: Scene) -> None:
    with ThreadPoolExecutor(8) as threads:
        turns = list(threads.map(lambda _: scene.journal.take_turn("2026-11-25"), range(8)))
    assert turns.count(True) == 1
    assert scene.journal.take_turn("2026-11-26")
    assert not scene.journal.take_turn("2026-11-26")
    assert scene.files() == ["turns/2026-11-26/turn"]


def test_a_reason_is_cut_to_its_first_line() -> None:
    assert first_line("\n held\n  next: look") == "held"
    assert first_line("x" * 300) == "x" * 199 + "…"
