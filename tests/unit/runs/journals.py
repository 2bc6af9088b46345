"""A journal in a folder, its index, and a process that dies, or lets another one act, at its nth call."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from itertools import count
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq

from sluice.filesystem import Opened, open_filesystem
from sluice.runs.answers import Usage
from sluice.runs.index import Index
from sluice.runs.journal import Journal
from sluice.runs.record import Record
from tests.builders import World

NOW = datetime(2026, 11, 26, 12, tzinfo=UTC)
YESTERDAY = NOW - timedelta(days=1)


class Died(BaseException):
    """The process is gone: nothing below handles it."""


@dataclass
class Stepping:
    """A folder that calls `act` before each call of one process."""

    opened: Opened
    act: Callable[[int], None]
    calls: Any = field(default_factory=count)

    def __getattr__(self, name: str) -> Any:
        method = getattr(self.opened, name)

        def stepped(*args: Any) -> Any:
            self.act(next(self.calls))
            return method(*args)

        return stepped


@dataclass
class Scene:
    root: Path
    """Of staging."""
    numbers: Any = field(default_factory=count)

    @property
    def folder(self) -> Opened:
        return open_filesystem(World(self.root), "sluice_staging", "staging/index")

    @property
    def journal(self) -> Journal:
        return Journal(self.folder)

    def acting(self, act: Callable[[int], None]) -> Journal:
        """The journal of a process that calls `act` before each of its calls."""
        return Journal(Stepping(self.folder, act))

    def index(self, name: str = "cache") -> Index:
        return Index(self.journal, self.cache(name))

    def cache(self, name: str = "cache") -> Path:
        return self.root / "caches" / f"{name}.sqlite"

    def new_index(self) -> Index:
        """The index of a reader that has read nothing yet."""
        return self.index(f"another {next(self.numbers)}")

    def add(self, *records: Record) -> None:
        for one in records:
            self.journal.append(one)

    def files(self) -> list[str]:
        return [file.name for file in self.folder.list()]

    def packed(self) -> list[str]:
        """The ids in every Parquet file, as a dataset of this folder would deliver them."""
        days = (self.root / "sluice_staging" / "staging" / "index" / "days").glob("[!.]*/*.parquet")
        return sorted(name for file in days for name in pq.read_table(file)["id"].to_pylist())


def record(export: str = "people", run: str = "r1", *, at: datetime = NOW, **values: Any) -> Record:
    """A delivery of 10 records and 100 bytes, recorded by the store when the worker says that it ended."""
    known = {"connection": "out", "outcome": "published", "files": 1, "records": 10, "bytes": 100}
    times = {"ended": at, "recorded": at}
    return Record(export=export, run=run, flow_run_id=f"flow {run}", **{**known, **times, **values})


def runs_of(index: Index, export: str = "people") -> list[str]:
    index.refresh()
    return [one.run for one in index.history(export, 1000).records]


def totals(index: Index) -> tuple[list[str], list[Usage], list[str]]:
    """Everything that the index answers."""
    index.refresh()
    last = index.last().records
    history = [one.text for export in last for one in index.history(export.export, 1000).records]
    return [one.text for one in last], index.usage("connection"), history
