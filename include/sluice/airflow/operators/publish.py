"""The task `publish`: the only one that makes anything visible."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from airflow.sdk import Asset, BaseOperator, Context

from sluice.airflow.project import verdicts


class PublishOperator(BaseOperator):
    """Proves that everything has arrived, writes the manifest, and says so in the export's asset."""

    template_fields: Sequence[str] = ("extracted",)
    ui_color = "#f7e3b5"

    def __init__(self, *, extracted: Any, asset: Asset, **kwargs: Any) -> None:
        super().__init__(outlets=[asset], **kwargs)
        self.extracted: Mapping[str, Any] = extracted
        self.asset = asset

    def execute(self, context: Context) -> dict[str, Any]:
        from sluice.airflow.connections import AirflowConnections
        from sluice.delivery.publish import publish
        from sluice.delivery.staging import StagedRun

        with verdicts():
            report = publish(StagedRun.from_extracted(self.extracted), AirflowConnections())
        self.log.info("published %s: %s files, %s records", report.manifest, f"{report.files:,}", f"{report.records:,}")
        value = report.model_dump(mode="json")
        context["outlet_events"][self.asset].extra = value
        return value
