"""The run report: one delivery in numbers, as Airflow shows it, the asset event carries it and staging keeps it."""

from __future__ import annotations

import platform
from collections.abc import Mapping
from functools import cache
from importlib.metadata import PackageNotFoundError, version
from typing import Literal

from pydantic import BaseModel, ConfigDict

from sluice.extras import DISTRIBUTION
from sluice.model.run import Mode

Outcome = Literal["published", "skipped", "held", "cancelled", "failed", "unknown"]
"""published: the manifest is there, and everything it lists.
skipped: nothing was sent, for a limit, a date or a rule says so.
held: nothing was sent, for the rows are not as expected; a person may release them.
cancelled: someone ended the run, or its tasks, before it could publish; what it had sent was removed.
failed: an error ended it before it could publish, or something differs; `why` says what. What it had sent was removed.
unknown: it is decided; its manifest's write was not answered, and the destination could not be asked, or it was not
accepted. The next process tries again."""

ENGINES = ("pyarrow", "polars", "duckdb", "isal", "botocore", "azure-storage-blob")


class FeedReport(BaseModel):
    """One feed's rows, step by step: `read` and not `selected` belong to another delivery or to no segment of this one;
    `selected` = `rejected` + `duplicates` + `written`."""

    model_config = ConfigDict(frozen=True)

    read: int
    """In the slices that were pinned."""
    selected: int
    rejected: int = 0
    """Lacked a required value, or held one that the format cannot."""
    duplicates: int = 0
    """Had the key of another row."""
    written: int = 0
    parts: int = 0
    bytes: int = 0
    since: str | None = None
    until: str | None = None
    """How far the delivery before came, and how far this one does."""
    window: str | None = None


class Report(BaseModel):
    """One run, whatever became of it. The totals are those of its feeds."""

    model_config = ConfigDict(frozen=True)

    export: str
    connection: str = ""
    """Empty, as all that the run's plan says, if it ended before it had one."""
    run: str
    """In Airflow's words."""
    flow_run_id: str
    """The same run in part names, in the manifest and in staging."""
    outcome: Outcome
    why: str = ""
    """What differs, or what was not answered; empty for what was published."""
    mode: Mode = "full"
    window: str | None = None
    """Of a backfill, its slice of time."""
    files: int = 0
    records: int = 0
    rejected: int = 0
    duplicates: int = 0
    bytes: int = 0
    seconds: float = 0.0
    """Spent sending, added up over the shards."""
    steps: Mapping[str, float] = {}
    """Seconds that each step took in its last try."""
    feeds: Mapping[str, FeedReport] = {}
    warnings: tuple[str, ...] = ()
    manifest: str = ""
    """Its full address, whether or not it was written."""
    ended_at: str
    """In UTC."""
    definition_hash: str = ""
    versions: Mapping[str, str] = {}
    wakes: bool = True
    """Whether those that follow this export's deliveries are told of it."""


@cache
def versions() -> Mapping[str, str]:
    """What made the delivery: Sluice, Python, Airflow where it is installed, and the engines."""
    packages = {"sluice": DISTRIBUTION, "airflow": "apache-airflow-core"} | {engine: engine for engine in ENGINES}
    found = {name: _version(package) for name, package in packages.items()}
    return {"python": platform.python_version(), **{name: known for name, known in found.items() if known}}


def _version(package: str) -> str | None:
    try:
        return version(package)
    except PackageNotFoundError:
        return None
