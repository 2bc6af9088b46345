"""The task `extract`."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

from airflow.sdk import BaseOperator, Context

from sluice.airflow.project import include_folder, run_of, verdicts
from sluice.airflow.schedules import export_asset
from sluice.airflow.watermark import AssetWatermarks
from sluice.definition.export import Export
from sluice.model.run import Run


class ExtractOperator(BaseOperator):
    """Checks the export against the data, chooses its rows and pins what the run will read."""

    template_fields: Sequence[str] = ("export",)
    ui_color = "#d6e9f8"

    def __init__(self, *, export: str, **kwargs: Any) -> None:
        # An inlet: only so does the task reach the asset's state, where the watermark is.
        super().__init__(inlets=[export_asset(export)], **kwargs)
        self.export = export

    def execute(self, context: Context) -> dict[str, Any]:
        from sluice.airflow.connections import AirflowConnections
        from sluice.definition.load import load_export
        from sluice.delivery.extract import extract
        from sluice.plan.build import build

        with verdicts():
            project, export = load_export(include_folder(), self.export)
            plan = build(project, export, _asked(run_of(self.export, context), export, context))
            extracted = extract(plan, AirflowConnections(), AssetWatermarks(context), datetime.now(UTC))
        self.log.info("%s: %s records in %s feeds", self.export, f"{extracted.records:,}", len(extracted.feeds))
        return extracted.model_dump(mode="json")


def _asked(run: Run, export: Export, context: Context) -> Run:
    """The run with what whoever started it has asked for."""
    from sluice.plan.window import window_of

    params = context["params"]
    window = window_of(export, run.run_type, run.time, params.get("window"))
    asked = {
        "mode": params.get("mode") or None,
        "window": window,
        # A slice of time is due at its end, whenever someone asks for it: its folder is the same each time.
        "export_time": window.until if window else run.export_time,
        "wake_downstream": bool(params.get("wake_downstream")),
    }
    return Run.model_validate(run.model_dump() | asked)
