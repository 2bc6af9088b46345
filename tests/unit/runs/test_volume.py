"""What was delivered counts once, on the day it was first published."""

from __future__ import annotations

from datetime import date, timedelta
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sluice.runs import parquet
from sluice.runs.cache import Cache, Intake, row_of, writing
from sluice.runs.compact import compact
from sluice.runs.record import Record
from sluice.runs.volume import By, Volume, first_day, volume
from tests.unit.runs.journals import NOW, YESTERDAY, Scene, record

pytestmark = pytest.mark.slow  # every order of reading

HOUR = timedelta(hours=1)
ALWAYS = (date(1971, 1, 1), date(9000, 1, 1))


def counted(scene: Scene, *by: By) -> dict[tuple[str, ...], Volume]:
    index = scene.new_index()
    index.refresh()
    return index.volume(*ALWAYS, by)


def slice_of(run: str, **values: Any) -> Record:
    """A backfill of one slice of time, which any number of runs may repeat: they have one flow run id."""
    return record(run=run, window="a slice", **values).model_copy(update={"flow_run_id": "the slice"})


def test_a_delivery_that_is_reported_again_stays_in_its_year(scene: Scene) -> None:
    scene.add(record(at=YESTERDAY), record(at=NOW))
    assert counted(scene, "day") == {("2026-11-25",): Volume(1, 1, 10, 100)}


def test_only_what_was_published_counts(scene: Scene) -> None:
    scene.add(*(record(run=outcome, outcome=outcome) for outcome in ("published", "failed", "held", "unknown")))
    scene.add(record(run="failed", at=NOW + HOUR))
    assert counted(scene, "connection") == {("out",): Volume(2, 2, 20, 200)}


def test_backfills_of_one_slice_deliver_the_same_bytes(scene: Scene) -> None:
    scene.add(slice_of("b2"), slice_of("b1", at=YESTERDAY), slice_of("b3", outcome="failed", at=YESTERDAY - HOUR))
    assert counted(scene, "day") == {("2026-11-25",): Volume(1, 1, 10, 100)}
    assert counted(scene, "export") == {("people",): Volume(1, 1, 10, 100)}


def test_kinds_applications_and_connections_are_apart(scene: Scene) -> None:
    scene.add(
        record(run="r1", kind="dataset-export", application="real-time-cdp"),
        record(run="r2", kind="dataset-export", connection="s3"),
        record(run="r3", kind="segment-export", bytes=7),
    )
    one = Volume(1, 1, 10, 100)
    assert counted(scene, "kind", "application", "connection") == {
        ("dataset-export", "", "s3"): one,
        ("dataset-export", "real-time-cdp", "out"): one,
        ("segment-export", "", "out"): one._replace(bytes=7),
    }
    assert counted(scene, "month", "kind")["2026-11", "dataset-export"] == Volume(2, 2, 20, 200)
    index = scene.new_index()
    index.refresh()
    assert (index.first_day("dataset-export"), index.first_day("data-out-export")) == (NOW.date(), None)


def test_a_year_is_exact_to_the_microsecond(scene: Scene) -> None:
    day = NOW.replace(hour=0)
    for n, at in enumerate((day - timedelta(microseconds=1), day, day + timedelta(days=1))):
        scene.add(record(run=f"r{n}", at=at, bytes=10**n))
    index = scene.index()
    index.refresh()
    for by in ("connection", "export"):
        (found,) = index.volume(day.date(), day.date() + timedelta(days=1), (by,)).values()  # type: ignore[arg-type]
        assert found.bytes == 10


RECORDS = st.lists(
    st.builds(
        lambda export, run, window, outcome, hours, ended, application: record(
            export,
            run,
            at=NOW + hours * HOUR,
            ended=NOW + ended * HOUR,
            outcome=outcome,
            window=window,
            application=application,
            bytes=int(run[1:]) * 1000 + (export == "b"),
            kind="dataset-export",
        ).model_copy(update={"flow_run_id": f"{export} slice" if window else f"{export} {run}"}),
        st.sampled_from(["a", "b"]),
        st.sampled_from(["r1", "r2", "r3"]),
        st.sampled_from(["", "a slice"]),
        st.sampled_from(["published", "failed", "unknown"]),
        st.integers(0, 3),
        st.integers(-800, 800),
        st.sampled_from(["", "real-time-cdp"]),
    ),
    max_size=10,
)


@given(RECORDS, st.randoms(use_true_random=False))
def test_the_order_of_reading_changes_nothing(tmp_path_factory: Any, records: list[Record], random: Any) -> None:
    """And sums by day are those of the runs that count."""
    shuffled = records + records[:2]
    random.shuffle(shuffled)
    cut = random.randint(0, len(shuffled))
    folder = tmp_path_factory.mktemp("caches")
    found = []
    for name, groups in (("one", [records]), ("other", [shuffled[:cut], shuffled[cut:]])):
        with Cache(folder / name).opened() as database:
            for group in groups:
                with writing(database):
                    intake = Intake(database)
                    intake.add(map(row_of, group))
                    intake.finish()
            by: tuple[By, ...] = ("kind", "application", "connection", "day")
            per_day = volume(database, *ALWAYS, by)
            per_run = volume(database, *ALWAYS, (*by, "export"))
            summed: dict[Any, int] = {}
            for key, one in per_run.items():
                summed[key[:-1]] = summed.get(key[:-1], 0) + one.bytes
            assert {key: one.bytes for key, one in per_day.items()} == summed
            found.append((per_day, first_day(database, "dataset-export")))
    assert found[0] == found[1]
    deliveries = {(one.export, one.flow_run_id) for one in records if one.outcome == "published"}
    assert sum(one.deliveries for one in found[0][0].values()) == len(deliveries)


def test_records_from_before_there_were_applications_keep_their_ids() -> None:
    old = record()
    assert "application" not in old.text
    assert Record.model_validate_json(old.text) == old
    assert record(application="real-time-cdp").id != old.id


def test_packed_days_of_an_earlier_version_are_read(scene: Scene) -> None:
    scene.add(record(at=YESTERDAY))
    compact(scene.journal, NOW)
    (file,) = scene.journal.days().unread
    table = scene.journal.read_day(file)
    assert table is not None
    scene.folder.write_bytes(file.path, _written(table.drop_columns(["application"])))
    assert counted(scene, "application") == {("",): Volume(1, 1, 10, 100)}


def _written(table: Any) -> bytes:
    sink = pa.BufferOutputStream()
    pq.write_table(table, sink)
    assert parquet.read(bytes(sink.getvalue())).column_names == parquet.schema().names
    return bytes(sink.getvalue())
