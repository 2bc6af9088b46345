"""A run: which export, when, and the names that follow from it. The same run always gets the same names."""

from __future__ import annotations

import hashlib
from datetime import UTC, datetime, timedelta
from functools import cached_property
from typing import Literal
from uuid import UUID, uuid5

from pydantic import AwareDatetime, BaseModel, ConfigDict

Mode = Literal["full", "incremental", "changes"]
"""`full`: everything there is. `incremental`: what was added since the last published delivery, at first everything.
`changes`: what was added, changed and removed since then, by key."""

_NAMESPACE = UUID("6f1c2d0a-5d6e-5f0b-9f57-0b6c8a1d7e11")
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


class Window(BaseModel):
    """A slice of time, `(after, until]`: what was added at `until` lies in it, what was added at `after` does not."""

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
    """Nanoseconds of UNIX time, exactly."""
    return (time - _EPOCH) // timedelta(microseconds=1) * 1000


def _spell(time: datetime) -> str:
    return time.astimezone(UTC).isoformat().replace("+00:00", "Z")


def flow_run_id(export: str, run: str) -> UUID:
    """The flow run id of a run that Airflow calls `run`; a backfill's is that of its slice of time."""
    return uuid5(_NAMESPACE, f"{export}\n{run}")


class Run(BaseModel):
    """One run of one export. `run_id` is Airflow's; everything else that names it is derived."""

    model_config = ConfigDict(frozen=True)

    export: str
    run_id: str
    export_time: datetime
    """When the run was due, in UTC: the time in folder names and in the manifest."""
    run_type: str = "manual"
    """Airflow's word for what started it: scheduled, manual, backfill, asset_triggered."""
    only: tuple[str, ...] = ()
    """The feeds someone asked for; empty for all."""
    dry_run: bool = False
    """Pin and plan, and send nothing."""
    mode: Mode | None = None
    """What someone asked for in place of the export's own mode."""
    window: Window | None = None
    """Deliver what was added in this slice of time, whatever was delivered before: a backfill."""
    wake_downstream: bool = False
    """Whether a backfill wakes those that follow the export's deliveries; other runs always do."""
    release: bool = False
    """Go on where the export would hold the run."""

    @property
    def is_backfill(self) -> bool:
        """Whether it delivers what was, beside the deliveries that follow each other."""
        return self.window is not None or self.run_type == "backfill"

    @cached_property
    def id(self) -> UUID:
        """The flow run's id: in part names, in the manifest's name, in staging.

        Of a backfill, the window's and not the run's: a request for the same slice of time gets the same names. A dry
        run has its own: it must not replace what a run that sends has staged."""
        return flow_run_id(self.export, f"window {self.window}" if self.window and not self.dry_run else self.run_id)

    @cached_property
    def transaction(self) -> int:
        """The number after `tid-` in part names: 18 digits at most, from the run's id."""
        return int.from_bytes(hashlib.sha256(self.id.bytes).digest()[:8], "big") % 10**18

    @property
    def time(self) -> datetime:
        return self.export_time.astimezone(UTC)
