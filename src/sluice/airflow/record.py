"""How the last system refreshes ended: the state of the asset `system_refresh`, which tasks and the triggerer read.

A task can ask Airflow how many runs another DAG has, but not how or when the last one ended.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any

from airflow.sdk import Asset

from sluice.airflow.private import asset_state
from sluice.definition.models.schedule import SYSTEM_REFRESH as NAME

if TYPE_CHECKING:
    from sluice.airflow.private import AssetStateStoreAccessor

SYSTEM_REFRESH = Asset(NAME)
"""Updated by the last task of the system refresh, when everything is refreshed."""
SUCCEEDED, FAILED = "succeeded", "failed"


@dataclass(frozen=True)
class Ended:
    """The end of a run."""

    run_id: str
    at: datetime

    @classmethod
    def read(cls, value: Any) -> Ended | None:
        """The end from a value of the store; None if the store is still empty."""
        found = isinstance(value, Mapping)
        return cls(str(value["run_id"]), datetime.fromisoformat(str(value["at"]))) if found else None

    def write(self) -> dict[str, Any]:
        return {"run_id": self.run_id, "at": self.at.isoformat()}


def store() -> AssetStateStoreAccessor:
    """The asset's state store, for any task and for the triggerer."""
    return asset_state(NAME)


def last(outcome: str) -> Ended | None:
    """The last system refresh with this outcome."""
    return Ended.read(store().get(outcome))


async def alast(outcome: str) -> Ended | None:
    """The same in the triggerer."""
    return Ended.read(await store().aget(outcome))


def has_failed() -> bool:
    """Whether the system refresh that ended last failed."""
    failed, succeeded = last(FAILED), last(SUCCEEDED)
    return failed is not None and (succeeded is None or failed.at > succeeded.at)
