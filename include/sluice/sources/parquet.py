"""Parquet files on any filesystem that Airflow has a connection for."""

from __future__ import annotations

from typing import Literal

from sluice.sources.base import SourceConfig


class Parquet(SourceConfig):
    """One Parquet file, or every `*.parquet` file below a folder, read in the order of their names."""

    type: Literal["parquet"] = "parquet"
    path: str
    """The file or folder, below the connection's own folder or bucket; `/` between levels."""
