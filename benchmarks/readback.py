"""Reads what was written again, by DuckDB.

In a process of its own: one that is started by a large process counts that one's memory as its own peak.
"""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

from pydantic import BaseModel

from benchmarks.place import environment
from benchmarks.process import Failed
from benchmarks.work import FILTER


class Content(BaseModel):
    """What tells two sets of profiles apart."""

    rows: int
    ids: int
    """The sum of their ids."""


def of_source(folder: Path, *, filtered: bool) -> Content:
    """What a delivery of these Parquet files must hold."""
    condition = f"where {FILTER}" if filtered else ""
    return _content(f"from '{folder}/*.parquet' {condition}")


def of_files(files: list[Path]) -> Content:
    """What these files hold: NDJSON or CSV, gzipped, or Parquet. Every byte of text is read."""
    names = [str(file) for file in files]
    kinds = {_kind(file) for file in files}
    if kinds == {"json"}:
        return _content(f"from read_json({names}, format='newline_delimited', columns={{profile_id: 'bigint'}})")
    if kinds == {"csv"}:
        return _content(f"from read_csv({names}, header=true, compression='gzip', parallel=false)")
    if kinds == {"parquet"}:
        return _content(f"from read_parquet({names})")
    raise Failed(f"files of one known kind are expected, not {sorted(kinds)}")


def _kind(file: Path) -> str:
    last = file.suffixes[-1] if file.suffix != ".gz" else file.suffixes[-2]
    return last.lstrip(".").replace("jsonl", "json")


def _content(source: str) -> Content:
    argv = [sys.executable, "-m", "benchmarks.readback"]
    done = subprocess.run(argv, env=environment(), input=source, capture_output=True, text=True, check=False)
    if done.returncode:
        raise Failed(f"what was written cannot be read: {done.stderr.strip().splitlines()[-1]}")
    return Content.model_validate_json(done.stdout)


def main() -> None:
    """Read the query's source from stdin, print its content."""
    import duckdb

    with duckdb.connect() as engine:
        query = f"select count(*), coalesce(sum(profile_id), 0) {sys.stdin.read()}"
        rows, ids = engine.execute(query).fetchall()[0]
    print(Content(rows=rows, ids=ids).model_dump_json())


if __name__ == "__main__":
    main()
