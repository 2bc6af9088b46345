"""Limits of what is delivered: to one connection, and by the whole project."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from sluice.definition.models.chunks import Size
from sluice.model.declared import SLOTS, Declared


class Bounds(Declared):
    """Limits. A run beyond one of them is skipped with a warning; nothing is ever truncated. If both the connection and
    the project have a limit, both apply."""

    records_per_segment: int | None = Field(default=None, ge=1)
    """The maximum number of records in one segment. From 90 % of it, the run warns. An export with `over_limit: split`
    splits larger segments instead."""
    least_records_per_segment: int | None = Field(default=None, ge=1)
    """The minimum number of records in one segment."""
    records_per_run: int | None = Field(default=None, ge=1)
    """The maximum number of records in one run, over all feeds."""
    files_per_run: int | None = Field(default=None, ge=1)
    """The maximum number of files in one run, without the manifest. They are counted before anything is sent."""
    files_per_feed: int | None = Field(default=None, ge=1)
    """The maximum number of files of one segment or dataset in one run, counted likewise."""
    bytes_per_file: Annotated[Size, Field(ge=1)] | None = None
    """The maximum size of one file after compression. It lowers `chunks.bytes` of the exports, so no run is skipped for
    it. Only a file with a single record can be larger."""
    runs_per_hour: int | None = Field(default=None, ge=1)
    """The maximum number of deliveries within 60 minutes, over all exports. Runs that have not ended yet do not
    count."""
    bytes_per_day: Annotated[Size, Field(ge=1)] | None = None
    """The size of all deliveries within 24 hours, over all exports, from which no further run is started."""


def smallest(*bounds: Bounds) -> int | None:
    """The smallest `bytes_per_file` of several limits; None if no file is limited."""
    return min((int(one.bytes_per_file) for one in bounds if one.bytes_per_file), default=None)


class Limits(Bounds):
    """The limits of a target."""

    at_once: int | None = Field(default=None, ge=1, le=SLOTS)
    """The maximum number of tasks that send to this connection in parallel, across all exports. Enforced by the Airflow
    pool `sluice_<connection>`."""
