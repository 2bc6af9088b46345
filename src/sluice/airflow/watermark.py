"""The watermark of an export in Airflow's asset state store, under its own asset.

The asset exists because it is an inlet of `publish`. It is the watermark's own, because Airflow shows a task as a
consumer of its inlets. No other task has it among its inlets: Airflow validates them in a request of its own, whenever
such a task starts.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from airflow.sdk import Asset

from sluice.airflow.private import asset_state

if TYPE_CHECKING:
    from sluice.airflow.private import AssetStateStoreAccessor

KEY = "watermark"


def watermark_asset(export: str) -> Asset:
    """Holds the watermark; no event updates it."""
    return Asset(f"watermark/{export}")


class AssetWatermarks:
    """The `Watermarks` of a task."""

    def get(self, export: str) -> Mapping[str, Any] | None:
        value: Any = _store(export).get(KEY)
        return value if isinstance(value, dict) else None

    def set(self, export: str, value: Mapping[str, Any]) -> None:
        _store(export).set(KEY, dict(value))


def _store(export: str) -> AssetStateStoreAccessor:
    return asset_state(watermark_asset(export).name)
