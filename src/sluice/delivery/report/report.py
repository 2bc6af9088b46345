"""The run report: one delivery in numbers, for Airflow's pages, the asset event and staging."""

from __future__ import annotations

import platform
from collections.abc import Mapping
from functools import cache
from importlib.metadata import PackageNotFoundError, version
from typing import Literal

from pydantic import BaseModel, ConfigDict

from sluice.extras import DISTRIBUTION
from sluice.model.run import Mode

Outcome = Literal["published", "skipped", "held", "cancelled", "failed", "unknown", "verified", "differs", "unverified"]
"""published: the manifest and everything it lists are at the destination.
skipped: nothing was sent, because of a limit, a date or a rule.
held: nothing was sent, because the rows are not as expected; the operator may release them.
cancelled: someone ended the run or its tasks before it could publish; what it had sent was removed.
failed: an error stopped it, or the reconciliation failed; `why` has the reason. What it had sent was removed.
unknown: the run is decided, but the destination did not confirm the manifest's write, or refused it. The next process
retries.
verified: the run only compared an earlier delivery with its manifest, and found no difference.
differs: it found some. unverified: it ended before it had compared everything."""

ENGINES = ("pyarrow", "polars", "duckdb", "isal", "botocore", "azure-storage-blob")


class FeedReport(BaseModel):
    """One feed's rows, step by step. Rows that are `read` but not `selected` belong to another delivery, are in no
    segment of this one, or are `too_old`. `selected` = the rows `left_out` + `rejected` + `duplicates` + `written`."""

    model_config = ConfigDict(frozen=True)

    read: int
    """Rows of the pinned slices."""
    selected: int
    left_out: Mapping[str, int] = {}
    """Rows left out for want of consent or because of a suppression list, by reason."""
    rejected: int = 0
    """Rows without a required value, or with a value that the format cannot hold."""
    duplicates: int = 0
    """Rows left out because another row has their key."""
    too_old: int = 0
    """Events left out because they are older than the export's `max_age`."""
    written: int = 0
    groups: Mapping[str, int] = {}
    """The records of each group of a split segment, by the group's name; empty if the segment is not split."""
    accounts: int | None = None
    """The accounts of the segment, if their contacts were delivered: `written` then counts the contacts."""
    parts: int = 0
    bytes: int = 0
    since: str | None = None
    until: str | None = None
    """How far the delivery before came, and how far this one comes."""
    window: str | None = None


class Report(BaseModel):
    """One run, with any outcome. Totals are sums over its feeds."""

    model_config = ConfigDict(frozen=True)

    export: str
    kind: str = ""
    """The export's kind."""
    connection: str = ""
    """Empty, like every value from the plan, if the run ended before it had one."""
    application: str = ""
    """The licensed application that a delivery counts for, if the export names one."""
    run: str
    """Its Airflow run id."""
    flow_run_id: str
    """Its id in part names, in the manifest and in staging."""
    outcome: Outcome
    why: str = ""
    """The reason, if the run was not published; otherwise empty, or how it was published."""
    mode: Mode = "full"
    window: str | None = None
    """The slice of time of a backfill."""
    files: int = 0
    records: int = 0
    left_out: int = 0
    rejected: int = 0
    duplicates: int = 0
    bytes: int = 0
    seconds: float = 0.0
    """Seconds spent sending, summed over the shards."""
    steps: Mapping[str, float] = {}
    """Seconds of each step in its last attempt."""
    feeds: Mapping[str, FeedReport] = {}
    warnings: tuple[str, ...] = ()
    manifest: str = ""
    """The manifest's full address, whether or not it was written."""
    started_at: str = ""
    """When the last attempt of `extract` started, in UTC; empty if none has finished."""
    ended_at: str
    """In UTC."""
    definition_hash: str = ""
    versions: Mapping[str, str] = {}
    wakes: bool = True
    """Whether this delivery triggers the exports and DAGs that follow this export."""


@cache
def versions() -> Mapping[str, str]:
    """The versions of Sluice, Python, Airflow if it is installed, and the engines."""
    packages = {"sluice": DISTRIBUTION, "airflow": "apache-airflow-core"} | {engine: engine for engine in ENGINES}
    found = {name: _version(package) for name, package in packages.items()}
    return {"python": platform.python_version(), **{name: known for name, known in found.items() if known}}


def _version(package: str) -> str | None:
    try:
        return version(package)
    except PackageNotFoundError:
        return None
