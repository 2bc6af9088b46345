"""Whether a delivery is exact: its files are those of its manifest, and its rows are those of the lake."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from sluice.model.manifest import Manifest


@dataclass(frozen=True)
class Content:
    """What tells two sets of rows apart, whatever their order: their number and the sum of their hashes."""

    rows: int
    checksum: int

    def __str__(self) -> str:
        return f"{self.rows:,} rows with the checksum {self.checksum:032x}"


@dataclass(frozen=True)
class Listed:
    """The files of the one manifest below a folder, and what is wrong with them."""

    files: list[Path]
    wrong: list[str]


def content(files: Sequence[Path]) -> Content:
    """The rows of Parquet files. A row that is missing, twice or different in any column changes the checksum."""
    import duckdb

    names = [str(file) for file in files]
    rows = "select count(*), coalesce(sum(hash(line)::hugeint), 0)"
    query = f"{rows} from read_parquet($1, hive_partitioning = false) as line"  # folders' names are no columns
    with duckdb.connect(config={"memory_limit": "1GB", "threads": 2}) as engine:
        (row,) = engine.execute(query, [names]).fetchall()
    return Content(int(row[0]), int(row[1]))


def listed(folder: Path) -> Listed:
    """Read every file that the manifest lists, and compare its size and SHA-256."""
    manifests = list(folder.rglob("manifest-*.json"))
    if len(manifests) != 1:
        return Listed([], [f"{folder} holds {len(manifests)} manifests instead of one"])
    results = Manifest.model_validate_json(manifests[0].read_bytes()).exportResults
    there = {str(path.relative_to(folder)) for path in folder.rglob("*.parquet")}
    wrong = [f"not listed: {name}" for name in sorted(there - {result.path for result in results})]
    for result in results:
        path = folder / result.path
        if not path.exists():
            wrong.append(f"missing: {result.path}")
        elif (path.stat().st_size, _sha256(path)) != (result.size, result.sha256):
            wrong.append(f"other bytes: {result.path}")
    return Listed([folder / result.path for result in results if (folder / result.path).exists()], wrong)


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
