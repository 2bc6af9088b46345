"""The task `extract`."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

from airflow.sdk import BaseOperator, Context

from sluice.airflow.project import include_folder, run_config, run_of, verdicts
from sluice.airflow.watermark import AssetWatermarks, watermark_asset


class ExtractOperator(BaseOperator):
    """Checks the export against the data, selects its rows and pins what the run will read."""

    template_fields: Sequence[str] = ("export",)
    ui_color = "#d6e9f8"

    def __init__(self, *, export: str, **kwargs: Any) -> None:
        super().__init__(inlets=[watermark_asset(export)], **kwargs)
        self.export = export

    def execute(self, context: Context) -> dict[str, Any]:
        from sluice.airflow.connections import AirflowConnections
        from sluice.definition.load import load_export
        from sluice.delivery.extract import extract
        from sluice.delivery.resend import load_run
        from sluice.plan.build import build

        with verdicts():
            project, export = load_export(include_folder(), self.export)
            if earlier := run_config(export, context).resend:
                extracted = load_run(project.settings.staging, self.export, earlier, AirflowConnections())
            else:
                plan = build(project, export, run_of(export, context))
                extracted = extract(plan, AirflowConnections(), AssetWatermarks(context), datetime.now(UTC))
        self.log.info("%s: %s records in %s feeds", self.export, f"{extracted.records:,}", len(extracted.feeds))
        return extracted.model_dump(mode="json")
