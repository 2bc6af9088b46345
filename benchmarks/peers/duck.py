"""DuckDB's `COPY`, into one file and into a file for each thread; and a scan that keeps nothing."""

from __future__ import annotations

from pathlib import Path

from benchmarks.clock import clock
from benchmarks.work import FILTER, KEPT

SEGMENT = f"select {', '.join(KEPT)} from '{{source}}/*.parquet' where {FILTER}"  # noqa: S608 - our own names
"""The rows and columns of the segment export."""


def ndjson(source: Path, target: Path) -> None:
    """One file."""
    _copy(source, target / "all.json.gz", "format json, compression gzip")


def ndjson_threads(source: Path, target: Path) -> None:
    """A file for each thread."""
    _copy(source, target / "parts", "format json, compression gzip, per_thread_output true, file_extension 'json.gz'")


def csv(source: Path, target: Path) -> None:
    """One file of the flat columns."""
    _copy(source, target / "all.csv.gz", "format csv, header, compression gzip")


def csv_threads(source: Path, target: Path) -> None:
    """A file of the flat columns for each thread."""
    options = "format csv, header, compression gzip, per_thread_output true, file_extension 'csv.gz'"
    _copy(source, target / "parts", options)


def parquet(source: Path, target: Path) -> None:
    """One file."""
    _copy(source, target / "all.parquet", "format parquet, compression gzip")


def parquet_threads(source: Path, target: Path) -> None:
    """A file for each thread."""
    _copy(source, target / "parts", "format parquet, compression gzip, per_thread_output true")


def segment(source: Path, target: Path) -> None:
    """The segment's rows and columns in one file."""
    _copy(source, target / "all.csv.gz", "format csv, header, compression gzip", of=SEGMENT)


def segment_threads(source: Path, target: Path) -> None:
    """The segment's rows and columns, a file for each thread."""
    options = "format csv, header, compression gzip, per_thread_output true, file_extension 'csv.gz'"
    _copy(source, target / "parts", options, of=SEGMENT)


def segment_scan(source: Path, _: Path) -> None:
    """Scan, filter, and drop what is found: `explain analyze` runs a query and keeps none of its rows."""
    import duckdb

    engine = duckdb.connect()
    with clock():
        engine.execute(f"explain analyze {SEGMENT.format(source=source)}")


def _copy(source: Path, target: Path, options: str, of: str = "from '{source}/*.parquet'") -> None:
    import duckdb

    engine = duckdb.connect()
    engine.execute("set preserve_insertion_order = false")
    with clock():
        engine.execute(f"copy ({of.format(source=source)}) to '{target}' ({options})")
