"""A run: which export, when, and the names that follow from it. The same run always gets the same names."""

from __future__ import annotations

import hashlib
from datetime import UTC, datetime
from functools import cached_property
from uuid import UUID, uuid5

from pydantic import BaseModel, ConfigDict

_NAMESPACE = UUID("6f1c2d0a-5d6e-5f0b-9f57-0b6c8a1d7e11")


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

    @cached_property
    def id(self) -> UUID:
        """The flow run's id: in part names, in the manifest's name, in staging."""
        return uuid5(_NAMESPACE, f"{self.export}\n{self.run_id}")

    @cached_property
    def transaction(self) -> int:
        """The number after `tid-` in part names: 18 digits at most, from the run's id."""
        return int.from_bytes(hashlib.sha256(self.id.bytes).digest()[:8], "big") % 10**18

    @property
    def time(self) -> datetime:
        return self.export_time.astimezone(UTC)
