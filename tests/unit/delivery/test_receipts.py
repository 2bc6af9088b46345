"""What a shard has sent is sent once, wherever that is recorded: in the receipts, or in staging."""

from __future__ import annotations

import itertools
import threading
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest

from sluice.delivery.commit.commit import Commit
from sluice.delivery.upload import receipts
from sluice.destinations.local import Local, LocalFolder
from sluice.errors import RetriableError
from sluice.model.part import Part
from tests.builders import World
from tests.unit.delivery.faults import KeptReceipts

FILES = {
    "catalog/datasets.yaml": "people: {kind: profile, key: id, source:"
    " {type: parquet, airflow_conn_id: lake, path: people}}",
    "connections/out.yaml": "{type: local, airflow_conn_id: out}",
    "exports/people.yaml": "{kind: dataset-export, connection: out, datasets: [people], mode: full,"
    " chunks: {records: 3}}",
}


@pytest.fixture
def world(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> World:
    monkeypatch.setattr(receipts, "INTERVAL", float("inf"))  # a slow machine must not look like a large shard
    world = World(tmp_path)
    world.dataset("people", pa.table({"id": range(10)}))
    world.declare(FILES)
    return world


def sent_by_another(world: World, kept: KeptReceipts, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """What a second attempt sends of a shard that a first one has sent."""
    staged = world.extract("people")
    world.upload(staged, kept)
    put, again = LocalFolder.put, []

    def noted(self: LocalFolder, name: str, body: Any) -> Any:
        again.append(name)
        return put(self, name, body)

    monkeypatch.setattr(LocalFolder, "put", noted)
    world.upload(staged, kept)
    world.publish(staged)
    return again


def test_what_is_staged_counts(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    kept = KeptReceipts()
    assert sent_by_another(world, kept, monkeypatch)[:-1] == [], "only the manifest"
    assert not kept.kept, "nothing was asked of Airflow"


def test_what_cannot_be_checked_is_recorded(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """The target takes files away as they arrive."""
    monkeypatch.setattr(Local, "stays", property(lambda _: False))
    kept = KeptReceipts()
    assert sent_by_another(world, kept, monkeypatch)[:-1] == [], "only the manifest"
    assert kept.kept


def test_an_upload_that_fails_has_stopped_sending_when_the_run_is_told(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What a run's log says of its senders lets others remove its parts: none may arrive afterwards."""
    order, begun, refused, put = list[str](), itertools.count(), threading.Event(), LocalFolder.put

    class Refusing(KeptReceipts):
        def record(self, extract: str, parts: Sequence[Part]) -> None:
            refused.set()
            raise RetriableError("Airflow is away")

    def slow(self: LocalFolder, name: str, body: Any) -> Any:
        if next(begun):
            refused.wait(60)
            time.sleep(0.2)
        try:
            return put(self, name, body)
        finally:
            order.append("sent")

    def told(self: Commit) -> None:
        order.append("told")

    monkeypatch.setattr(receipts, "INTERVAL", 0.0)
    monkeypatch.setattr(LocalFolder, "put", slow)
    monkeypatch.setattr(Commit, "end_sending", told)
    with pytest.raises(RetriableError, match="Airflow is away"):
        world.upload(world.extract("people"), Refusing())
    assert order.index("told") == next(begun), "every file that was begun has ended"
