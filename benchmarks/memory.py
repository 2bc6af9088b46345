"""What is hard on memory, a case a subject: wide rows, large values, many row groups or columns, a file that expands.

`make bench WORKS=memory`. Every case is a dataset of its own, made once, and an export with nothing declared but what
makes it hard: the memory is the default.
"""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from benchmarks.place import HOME, WORLD, environment, own_command
from benchmarks.runs import Rounds
from benchmarks.work import CASES, Subject
from benchmarks.world import World

if TYPE_CHECKING:
    import pyarrow as pa

_LARGE = 500_000
"""Bytes of a large value."""


_SMALL_PAGES = {"use_dictionary": False, "write_batch_size": 16}
"""Pages of 8 MB, and not of 512, as Arrow's writer makes them of such values unless it is asked to look more often."""
_EXPANDING = {"use_dictionary": False, "compression": "zstd"}


@dataclass(frozen=True)
class Data:
    """One dataset: its rows as tables, a row group each."""

    rows: int
    tables: Callable[[], Iterator[pa.Table]]
    options: Mapping[str, Any] = field(default_factory=dict)
    """Of Arrow's writer."""

    def make(self, folder: Path) -> None:
        """Write its file below the folder, if it is missing."""
        import pyarrow.parquet as pq

        path = folder / "0000.parquet"
        if path.exists():
            return
        folder.mkdir(parents=True, exist_ok=True)
        partial = path.with_suffix(".partial")
        tables = self.tables()
        first = next(tables)
        with pq.ParquetWriter(partial, first.schema, **self.options) as writer:
            writer.write_table(first)
            for table in tables:
                writer.write_table(table)
        partial.rename(path)


def _columns(rows: int, columns: int) -> Iterator[pa.Table]:
    """One row group of whole numbers, floats and short texts."""
    import numpy as np
    import pyarrow as pa

    random = np.random.default_rng(7)
    made: dict[str, pa.Array] = {"profile_id": pa.array(np.arange(rows))}
    for number in range(columns - 1):
        values = random.integers(0, 10**9, rows)
        kinds = (values, values / 1000, pa.array(values).cast(pa.string()))
        made[f"column_{number:05d}"] = pa.array(kinds[number % 3])
    yield pa.table(made)


def _texts(rows: int, *, random: bool) -> Iterator[pa.Table]:
    """One row group of large values: each its own random letters, or all the same."""
    import pyarrow as pa

    same = "x" * _LARGE
    values = [os.urandom(_LARGE // 2).hex() if random else same for _ in range(rows)]
    yield pa.table({"profile_id": list(range(rows)), "text": pa.array(values, pa.large_string())})


def _groups(groups: int) -> Iterator[pa.Table]:
    """Row groups of one row."""
    for table in _columns(groups, 20):
        for number in range(groups):
            yield table.slice(number, 1)


DATA = {
    "columns": Data(300_000, lambda: _columns(300_000, 200)),
    "random": Data(2_000, lambda: _texts(2_000, random=True), _SMALL_PAGES),
    "random_pages": Data(2_000, lambda: _texts(2_000, random=True), {"use_dictionary": False}),
    "same": Data(2_000, lambda: _texts(2_000, random=False)),
    "groups_1000": Data(1_000, lambda: _groups(1_000)),
    "groups_2000": Data(2_000, lambda: _groups(2_000)),
    "columns_20000": Data(1_000, lambda: _columns(1_000, 20_000)),
    "expanding": Data(3_000, lambda: _texts(3_000, random=False), _EXPANDING),
}


class CaseRounds(Rounds):
    """Runs the cases, each over its own dataset."""

    def source(self, subject: Subject) -> Path:
        """Made in a process of its own: who is started by a large one counts its memory as a peak of its own."""
        name = CASES[subject.name].data
        subprocess.run([sys.executable, "-m", "benchmarks.memory", name], env=environment(), check=True)
        return HOME / "cases" / name

    def command(self, subject: Subject, source: Path, out: Path) -> list[str]:
        declared = CASES[subject.name].declared
        World(WORLD, HOME, out).declare_case(str(source.relative_to(HOME)), subject.function, declared)
        return own_command(subject.function, out)

    def rows_of(self, subject: Subject) -> int:
        return DATA[CASES[subject.name].data].rows


if __name__ == "__main__":
    DATA[sys.argv[1]].make(HOME / "cases" / sys.argv[1])
