"""The watermark of an export in Airflow's asset state store: it belongs to the asset that deliveries update."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from sluice.airflow.schedules import export_asset

if TYPE_CHECKING:
    from airflow.sdk import Context

KEY = "watermark"


class AssetWatermarks:
    """The `Watermarks` of a task that has the export's asset among its inlets."""

    def __init__(self, context: Context) -> None:
        self._stores = context["asset_state_store"]

    def get(self, export: str) -> Mapping[str, Any] | None:
        value: Any = self._stores[export_asset(export)].get(KEY)
        return value if isinstance(value, dict) else None

    def set(self, export: str, value: Mapping[str, Any]) -> None:
        self._stores[export_asset(export)].set(KEY, dict(value))
