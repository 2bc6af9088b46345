"""Runs of one export, `people`, that end in every way: what their tests share."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest

from sluice.delivery.cleaning.clean import Cleaned, Cleaner
from sluice.delivery.commit import committing
from sluice.delivery.report.history import History
from sluice.delivery.report.report import Report
from sluice.delivery.staging import StagedRun
from sluice.destinations.local import LocalFolder
from tests.builders import World

FILES = {
    "catalog/datasets.yaml": """
        people: {kind: profile, key: id, source: {type: parquet, airflow_conn_id: lake, path: people}}
        """,
    "connections/out.yaml": "{type: local, airflow_conn_id: out, folder: drop}",
    "exports/people.yaml": """
        {kind: dataset-export, connection: out, datasets: [people], mode: full, chunks: {records: 30}}
        """,
}


class Killed(BaseException):
    """The process is gone: nothing below handles it."""


def people(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> World:
    """A world with one export of 100 people, in four parts."""
    monkeypatch.setattr(committing, "CHECKS", (0.0, 0.0))
    world = World(tmp_path)
    world.declare(FILES)
    world.dataset("people", pa.table({"id": range(100)}), files=2)
    return world


def sent(world: World, run_id: str) -> StagedRun:
    staged = world.extract("people", run_id)
    world.upload(staged)
    return staged


def parts(world: World) -> int:
    return len([name for name in world.delivered() if "part-" in name])


def manifests(world: World) -> int:
    return len([name for name in world.delivered() if "manifest-" in name])


def last(world: World) -> Report:
    (report,) = History(world.plan("people").staging, "people", world).last(1)
    return report


def clean(world: World, but: str = "none", over: Iterable[str] = ()) -> list[Cleaned]:
    ended = set(over)
    cleaner = Cleaner(world.plan("people").staging, "people", world, lambda run: run in ended if ended else True)
    return list(cleaner.clean(world.now, but=but))


def strike(monkeypatch: pytest.MonkeyPatch, what: str, *, after: bool, error: BaseException) -> None:
    """The manifest's write fails, before or after it has taken effect."""
    put = LocalFolder.put

    def struck(self: LocalFolder, name: str, body: Iterable[bytes]) -> Any:
        if what not in name:
            return put(self, name, body)
        monkeypatch.setattr(LocalFolder, "put", put)
        if after:
            put(self, name, body)
        raise error

    monkeypatch.setattr(LocalFolder, "put", struck)


def die(*_: object) -> None:
    raise Killed
