"""The task `publish`: the only one that makes anything visible."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

from airflow.sdk import Asset, AssetAlias, BaseOperator, Context
from airflow.sdk.exceptions import AirflowSkipException

from sluice.airflow.links import ManifestLink, ReportLink
from sluice.airflow.project import verdicts
from sluice.airflow.watermark import AssetWatermarks, watermark_asset


class PublishOperator(BaseOperator):
    """Verifies that everything has arrived, writes the manifest, and emits an event of the export's asset.

    The asset is updated through an alias, because Airflow updates an outlet whenever its task succeeds: a backfill must
    not start the exports that follow, unless `wake_downstream` is set."""

    template_fields: Sequence[str] = ("extracted",)
    ui_color = "#f7e3b5"
    operator_extra_links = (ManifestLink(), ReportLink())

    def __init__(self, *, export: str, extracted: Any, asset: Asset, **kwargs: Any) -> None:
        self.alias = AssetAlias(asset.name)
        super().__init__(inlets=[watermark_asset(export)], outlets=[self.alias], **kwargs)
        self.extracted: Mapping[str, Any] = extracted
        self.asset = asset

    def execute(self, context: Context) -> dict[str, Any]:
        from sluice.airflow.connections import AirflowConnections
        from sluice.delivery.publish.publish import publish
        from sluice.delivery.resend import publish_again
        from sluice.delivery.staging import StagedRun

        if self.extracted["dry_run"]:
            # The trigger rule lets this task run after skipped tasks, for runs without any shard.
            raise AirflowSkipException("dry run: nothing was sent, so nothing is published")
        with verdicts():
            staged = StagedRun.from_extracted(self.extracted)
            if self.extracted["resend"]:
                report = publish_again(staged, AirflowConnections(), datetime.now(UTC))
            else:
                report = publish(staged, AirflowConnections(), AssetWatermarks(context), datetime.now(UTC))
        self.log.info("published %s: %s files, %s records", report.manifest, f"{report.files:,}", f"{report.records:,}")
        value = report.model_dump(mode="json")
        if report.wakes:
            context["outlet_events"][self.alias].add(self.asset, extra=value)
        return value
