"""pyarrow, streamed: a batch at a time from a dataset scan into a writer, gzip at its fastest level."""

from __future__ import annotations

from pathlib import Path

from benchmarks.clock import clock


def csv(source: Path, target: Path) -> None:
    """One file of the flat columns."""
    import pyarrow as pa
    from pyarrow import csv as pa_csv
    from pyarrow import dataset

    with clock(), pa.output_stream(target / "all.csv.gz", compression="gzip") as sink:
        rows = dataset.dataset(source)
        with pa_csv.CSVWriter(sink, rows.schema) as writer:
            for batch in rows.to_batches():
                writer.write_batch(batch)


def parquet(source: Path, target: Path) -> None:
    """One file."""
    from pyarrow import dataset
    from pyarrow import parquet as pq

    with clock():
        rows = dataset.dataset(source)
        options = {"compression": "gzip", "compression_level": 1}
        with pq.ParquetWriter(target / "all.parquet", rows.schema, **options) as writer:
            for batch in rows.scanner(batch_size=122_880).to_batches():
                writer.write_batch(batch)
