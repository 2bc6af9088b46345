"""dlt's filesystem destination, fed with Arrow tables, without its normaliser's renaming of values."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from benchmarks.clock import clock


def ndjson(source: Path, target: Path) -> None:
    """Files of dlt's own size."""
    _load(source, target, "jsonl")


def parquet(source: Path, target: Path) -> None:
    """Files of dlt's own size, gzipped."""
    os.environ["DATA_WRITER__COMPRESSION"] = "gzip"
    _load(source, target, "parquet")


def _load(source: Path, target: Path, kind: Any) -> None:
    os.environ |= {"RUNTIME__DLTHUB_TELEMETRY": "false", "NORMALIZE__WORKERS": "2", "LOAD__WORKERS": "2"}
    import dlt
    from dlt.destinations import filesystem
    from pyarrow import dataset

    def profiles() -> Iterator[Any]:
        yield from dataset.dataset(source).to_batches(batch_size=122_880)

    pipeline = dlt.pipeline(
        "bench",
        pipelines_dir=str(target / "work"),
        destination=filesystem(bucket_url=(target / "out").as_uri()),
        dataset_name="bench",
    )
    with clock():
        pipeline.run(profiles, table_name="profiles", loader_file_format=kind)
