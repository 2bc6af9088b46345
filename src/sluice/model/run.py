"""A run of an export, and the names derived from it. The same run always gets the same names."""

from __future__ import annotations

import hashlib
from datetime import UTC, datetime, timedelta
from functools import cached_property
from typing import Literal
from uuid import UUID, uuid5

from pydantic import AwareDatetime, BaseModel, ConfigDict

Mode = Literal["full", "incremental", "changes"]
"""`full`: every row. `incremental`: the rows added since the last published delivery; the first run delivers every row.
`changes`: the rows added, changed and removed since then, compared by key."""

_NAMESPACE = UUID("6f1c2d0a-5d6e-5f0b-9f57-0b6c8a1d7e11")
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


class Window(BaseModel):
    """A slice of time, `(after, until]`: it includes rows added at `until` and excludes rows added at `after`."""

    model_config = ConfigDict(frozen=True)

    after: AwareDatetime
    until: AwareDatetime

    @property
    def after_ns(self) -> int:
        return unix_ns(self.after)

    @property
    def until_ns(self) -> int:
        return unix_ns(self.until)

    def __str__(self) -> str:
        return f"({_spell(self.after)}, {_spell(self.until)}]"


def unix_ns(time: datetime) -> int:
    """The UNIX time in nanoseconds, exact."""
    return (time - _EPOCH) // timedelta(microseconds=1) * 1000


def _spell(time: datetime) -> str:
    return time.astimezone(UTC).isoformat().replace("+00:00", "Z")


def flow_run_id(export: str, run: str) -> UUID:
    """The flow run id of the run with Airflow's id `run`. For a backfill, `run` is its slice of time."""
    return uuid5(_NAMESPACE, f"{export}\n{run}")


class Run(BaseModel):
    """One run of one export. `run_id` is Airflow's id; all other names are derived."""

    model_config = ConfigDict(frozen=True)

    export: str
    run_id: str
    export_time: datetime
    """The time the run was due, in UTC. It is the time in folder names and in the manifest."""
    run_type: str = "manual"
    """Airflow's type of run: scheduled, manual, backfill or asset_triggered."""
    only: tuple[str, ...] = ()
    """The requested feeds; empty for all."""
    dry_run: bool = False
    """Pin and plan, but send nothing."""
    mode: Mode | None = None
    """The requested mode, which overrides the export's mode."""
    window: Window | None = None
    """For a backfill: deliver the rows added in this slice of time, independent of earlier deliveries."""
    wake_downstream: bool = False
    """Whether a backfill triggers the exports that follow this one. Other runs always do."""
    release: bool = False
    """Continue if the export would hold the run."""
    again: bool = False
    """Deliver although the export runs once and has delivered."""

    @property
    def is_backfill(self) -> bool:
        """Whether it delivers past data, outside the sequence of the export's deliveries."""
        return self.window is not None or self.run_type == "backfill"

    @cached_property
    def id(self) -> UUID:
        """The flow run id, used in part names, in the manifest's name and in staging.

        A backfill's id comes from its window instead of its run, so repeating a slice of time gives the same names. A
        dry run has its own id, so that it does not overwrite the staged data of a run that sends."""
        return flow_run_id(self.export, f"window {self.window}" if self.window and not self.dry_run else self.run_id)

    @cached_property
    def transaction(self) -> int:
        """The number after `tid-` in part names: at most 18 digits, derived from the id."""
        return int.from_bytes(hashlib.sha256(self.id.bytes).digest()[:8], "big") % 10**18

    @property
    def time(self) -> datetime:
        return self.export_time.astimezone(UTC)
