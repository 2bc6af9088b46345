"""Polars' streaming sinks, gzip at its fastest level."""

from __future__ import annotations

from pathlib import Path

from benchmarks.clock import clock


def ndjson(source: Path, target: Path) -> None:
    """One file."""
    import polars as pl

    with clock():
        pl.scan_parquet(source).sink_ndjson(
            target / "all.json.gz", compression="gzip", compression_level=1, maintain_order=False
        )


def csv(source: Path, target: Path) -> None:
    """One file of the flat columns."""
    import polars as pl

    with clock():
        pl.scan_parquet(source).sink_csv(
            target / "all.csv.gz", compression="gzip", compression_level=1, maintain_order=False
        )


def parquet(source: Path, target: Path) -> None:
    """One file."""
    import polars as pl

    with clock():
        pl.scan_parquet(source).sink_parquet(
            target / "all.parquet", compression="gzip", compression_level=1, maintain_order=False
        )
