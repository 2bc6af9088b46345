"""Spark on two local cores, gzip at its fastest level, with a heap that is no limit here."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

from benchmarks.clock import clock


def ndjson(source: Path, target: Path) -> None:
    """A file for each task."""
    with _Session() as spark, clock():
        spark.read.parquet(str(source)).write.json(str(target / "parts"), compression="gzip")


def parquet(source: Path, target: Path) -> None:
    """A file for each task."""
    with _Session() as spark, clock():
        spark.read.parquet(str(source)).write.parquet(str(target / "parts"), compression="gzip")


class _Session:
    def __enter__(self) -> Any:
        from pyspark.sql import SparkSession

        cores = len(os.sched_getaffinity(0))
        builder = SparkSession.builder.master(f"local[{cores}]").appName("bench")
        for key, value in {
            "spark.driver.memory": "4g",
            "spark.driver.bindAddress": "127.0.0.1",
            "spark.driver.host": "127.0.0.1",
            "spark.ui.enabled": "false",
            "spark.hadoop.zlib.compress.level": "BEST_SPEED",
            "spark.sql.session.timeZone": "UTC",
        }.items():
            builder = builder.config(key, value)
        self._spark = builder.getOrCreate()
        return self._spark

    def __exit__(self, *_: object) -> None:
        self._spark.stop()
