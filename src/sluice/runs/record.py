"""The record of one report: a few hundred bytes, without any value of a row."""

from __future__ import annotations

import hashlib
from datetime import UTC, datetime, timedelta
from typing import Annotated, Final, Literal

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field

SCHEMA: Final = 1
"""The version of the record. A record of a later version is left alone until Sluice is upgraded."""
LONGEST_WHY = 200
VERIFICATIONS = ("verified", "differs", "unverified")
"""The outcomes of runs that only compare an earlier delivery with its manifest. They deliver nothing, so they are never
the last run of an export; `manifest` is that of the delivery."""
Count = Annotated[int, Field(ge=0, lt=2**63)]
EARLIEST, LATEST = datetime(1970, 1, 1, tzinfo=UTC), datetime(9999, 1, 1, tzinfo=UTC)
Time = Annotated[AwareDatetime, Field(ge=EARLIEST, lt=LATEST)]
_MICROSECOND = timedelta(microseconds=1)


class Record(BaseModel):
    """One report of one run. If a run reports again, `rank` decides which of its records counts."""

    model_config = ConfigDict(frozen=True)

    version: Literal[1] = SCHEMA
    export: str
    kind: str = ""
    """The kind of the export. Empty, like every value from the plan, if the run ended before it had one."""
    connection: str = ""
    application: str = ""
    """The licensed application that a delivery counts for, if the export names one."""
    run: str
    """The Airflow run id."""
    flow_run_id: str
    outcome: str
    why: str = ""
    """The first line of the reason, at most 200 characters."""
    mode: str = ""
    window: str = ""
    """The slice of time of a backfill."""
    started: Time | None = None
    ended: Time
    """By the clock of the worker that reported."""
    recorded: Time
    """When staging stored the report, by the store's clock. Records are ordered by it, because workers' clocks
    differ."""
    files: Count = 0
    records: Count = 0
    rejected: Count = 0
    duplicates: Count = 0
    bytes: Count = 0
    seconds: float = 0.0
    """Seconds of all steps."""
    manifest: str = ""
    warnings: Count = 0
    """How many warnings the report has."""

    @property
    def text(self) -> str:
        """The record as JSON. The same record always has the same text, also one from before `application` existed."""
        return self.model_dump_json(exclude=None if self.application else {"application"}) + "\n"

    @property
    def id(self) -> str:
        """The day it ended, in UTC, and a digest of the record: a name that is safe in every store."""
        return f"{self.ended.astimezone(UTC):%Y-%m-%d}-{hashlib.sha256(self.text.encode()).hexdigest()[:32]}"


def first_line(text: str) -> str:
    """The first line of a reason, cut to 200 characters."""
    line = text.strip().partition("\n")[0].rstrip()
    return line if len(line) <= LONGEST_WHY else f"{line[: LONGEST_WHY - 1]}…"


def micros(time: datetime) -> int:
    """Microseconds of UNIX time, exact."""
    return (time - EARLIEST) // _MICROSECOND


def from_micros(number: int) -> datetime:
    """The time in UTC."""
    return EARLIEST + number * _MICROSECOND
