"""The watermark of an export in Airflow's asset state store, under its own asset.

A task can only access the state of its inlets and outlets. The watermark has its own asset because Airflow shows a
task as a consumer of its inlets.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from airflow.sdk import Asset

if TYPE_CHECKING:
    from airflow.sdk import Context

KEY = "watermark"


def watermark_asset(export: str) -> Asset:
    """Holds the watermark; no event updates it."""
    return Asset(f"watermark/{export}")


class AssetWatermarks:
    """The `Watermarks` of a task that has the watermark's asset among its inlets."""

    def __init__(self, context: Context) -> None:
        self._stores = context["asset_state_store"]

    def get(self, export: str) -> Mapping[str, Any] | None:
        value: Any = self._stores[watermark_asset(export)].get(KEY)
        return value if isinstance(value, dict) else None

    def set(self, export: str, value: Mapping[str, Any]) -> None:
        self._stores[watermark_asset(export)].set(KEY, dict(value))
