"""The sender retries chunks if that can help, whole or streamed, and counts what was sent."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator
from datetime import timedelta
from pathlib import Path

import pyarrow as pa
import pytest

from sluice.definition.models.chunks import STANDARD, Chunks, rules_of
from sluice.delivery.upload import sender as module
from sluice.delivery.upload.encode import Encoding
from sluice.delivery.upload.sender import Sender
from sluice.destinations.base import Stored
from sluice.destinations.local import Local
from sluice.errors import FatalError, RetriableError, SluiceError
from sluice.formats.csv import Csv
from sluice.model.access import FolderAccess
from sluice.model.part import Chunk, Part

ROWS = pa.table({"n": range(1000)})
RULES = rules_of(Chunks(threads=2, retry_delay=timedelta(milliseconds=1)), STANDARD)
CHUNK = Chunk(number=3, first=0, records=1000)


class Here:
    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def get(self, conn_id: str) -> FolderAccess:
        return FolderAccess(self.folder)


class Failing:
    """A local destination whose first puts fail after the body has begun."""

    def __init__(self, folder: Path, failures: list[SluiceError]) -> None:
        self.inner = Local(type="local", airflow_conn_id="here").open(Here(folder), name="drop", threads=2)
        self.failures = failures

    def put(self, name: str, body: Iterable[bytes]) -> Stored:
        return self.inner.put(name, self._broken(iter(body)))

    def _broken(self, body: Iterator[bytes]) -> Iterator[bytes]:
        yield next(body)
        if self.failures:
            raise self.failures.pop()
        yield from body


def sent(folder: Path, failures: list[SluiceError], retries: int = 2) -> Part:
    sender = Sender(
        encoding=Encoding("numbers", Csv(type="csv", compression="none"), ROWS.schema),
        destination=Failing(folder, failures),  # type: ignore[arg-type] # a sender puts, and nothing else
        name_of=lambda chunk: f"part-{chunk.number}.csv",
        keep=lambda _: None,
        rules=RULES.model_copy(update={"retries": retries}),
    )
    try:
        sender.send(CHUNK, lambda _: iter([ROWS.slice(0, 600), ROWS.slice(600)]))
        outcome = sender.outcomes.get(timeout=100)
    finally:
        sender.close()
    if isinstance(outcome, Part):
        return outcome
    raise outcome


@pytest.fixture(params=["whole", "streamed"])
def folder(request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Both ways: with no room for a whole chunk, it is streamed."""
    monkeypatch.setattr(module, "WHOLE", 2**23 if request.param == "whole" else 1)
    return tmp_path


def test_a_part_says_what_was_sent(folder: Path) -> None:
    part = sent(folder, [])
    body = (folder / "part-3.csv").read_bytes()
    assert body.decode().split() == ["n", *map(str, range(1000))]
    assert (part.number, part.records, part.bytes) == (3, 1000, len(body))
    assert part.sha256 == hashlib.sha256(body).hexdigest()


def test_a_failure_that_passes_is_overcome(folder: Path) -> None:
    part = sent(folder, [RetriableError("reset"), RetriableError("503")])
    assert part.sha256 == hashlib.sha256((folder / "part-3.csv").read_bytes()).hexdigest()


def test_one_failure_too_many_is_raised_and_leaves_nothing(folder: Path) -> None:
    with pytest.raises(RetriableError, match="one"):
        sent(folder, [RetriableError("one"), RetriableError("two"), RetriableError("three")])
    assert list(folder.iterdir()) == []


def test_what_cannot_help_is_not_tried_again(folder: Path) -> None:
    failures: list[SluiceError] = [RetriableError("never"), FatalError("wrong key")]
    with pytest.raises(FatalError, match="wrong key"):
        sent(folder, failures)
    assert [failure.what for failure in failures] == ["never"]
    assert list(folder.iterdir()) == []


def test_a_file_that_arrived_shorter_is_sent_again_and_then_refused(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    put = Failing.put
    monkeypatch.setattr(Failing, "put", lambda self, name, body: Stored(name, put(self, name, body).size - 1))
    with pytest.raises(RetriableError, match=r"has \d+ bytes, but \d+ were sent"):
        sent(folder, [])


def test_fewer_rows_than_counted_are_refused(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tests.unit.delivery.test_sender.CHUNK", Chunk(number=3, first=0, records=1001))
    with pytest.raises(FatalError, match="1000 records, but 1001"):
        sent(folder, [])
    assert list(folder.iterdir()) == []
