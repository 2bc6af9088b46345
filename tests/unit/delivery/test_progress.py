"""The progress of a shard: reported every few seconds, with rates of this attempt only."""

from __future__ import annotations

import pytest

from sluice.delivery.upload import progress as telling
from sluice.delivery.upload.progress import INTERVAL, Progress
from sluice.model.part import Part


class Clock:
    now = 100.0

    def monotonic(self) -> float:
        return self.now


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    clock = Clock()
    monkeypatch.setattr(telling.time, "monotonic", clock.monotonic)
    return clock


def part(number: int) -> Part:
    return Part(feed="people", number=number, name=f"p{number}", records=100, bytes=1000, sha256="")


def test_the_reports(clock: Clock) -> None:
    reports: list[dict[str, object]] = []
    progress = Progress(feed="people", chunks=10, records=1000, report=reports.append)
    progress._began = progress._reported = clock.now
    for number in range(4):
        progress.resume(part(number))
    progress.tick()
    assert reports == [], "the interval is not over"
    clock.now += INTERVAL
    progress.add(part(4))
    progress.tick()
    assert reports == [
        {
            "feed": "people",
            "chunks": 10,
            "chunks_sent": 5,
            "records": 1000,
            "records_sent": 500,
            "bytes_sent": 5000,
            "seconds": INTERVAL,
            "records_per_second": 20,
            "bytes_per_second": 200,
            "seconds_left": 25.0,
        }
    ], "the four parts of the attempt before do not count for the rates"
    clock.now += INTERVAL / 2
    progress.tick()
    assert len(reports) == 1
    progress.tick(last=True)
    assert len(reports) == 2


def test_no_estimate_before_anything_was_sent(clock: Clock) -> None:
    progress = Progress(feed="people", chunks=1, records=100, report=lambda _: None)
    progress.resume(part(0))
    assert progress.snapshot(clock.now + 1)["seconds_left"] is None
