"""The task `publish`: the only one that makes anything visible."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from airflow.sdk import Asset, AssetAlias, BaseOperator, Context
from airflow.sdk.exceptions import AirflowSkipException

from sluice.airflow import metrics
from sluice.airflow.extracted import extracted
from sluice.airflow.lineage import collect, facets
from sluice.airflow.log_fields import log_as
from sluice.airflow.project import VERIFIED, verdicts
from sluice.airflow.watermark import AssetWatermarks, watermark_asset

if TYPE_CHECKING:
    from sluice.delivery.lineage import Lineage


class PublishOperator(BaseOperator):
    """Verifies that everything has arrived, writes the manifest, and emits an event of the export's asset. Returns the
    report, and where the run is `staged`, for `finish`.

    The asset is updated through an alias, because Airflow updates an outlet whenever its task succeeds: a backfill must
    not start the exports that follow, unless `wake_downstream` is set."""

    template_fields: Sequence[str] = ()
    ui_color = "#f7e3b5"
    _lineage: Lineage | None = None

    def __init__(self, *, export: str, asset: Asset, **kwargs: Any) -> None:
        self.alias = AssetAlias(asset.name)
        super().__init__(inlets=[watermark_asset(export)], outlets=[self.alias], **kwargs)
        self.asset = asset

    def drop_outlets(self) -> None:
        """Drop the inlets and outlets: Airflow would validate those that a task starts with, in a request of its own.
        The parsed DAG has them. `execute` names the outlet again if there is an event."""
        self.inlets, self.outlets = [], []

    def execute(self, context: Context) -> dict[str, Any]:
        from sluice.airflow.connections import TaskConnections
        from sluice.delivery.publish.publish import publish
        from sluice.delivery.resend import publish_again
        from sluice.delivery.staging import StagedRun

        with verdicts():
            found = extracted(context)
            if VERIFIED in found:
                raise AirflowSkipException("a delivery was verified: there is nothing to publish")
            log_as(context, export=found["export"])
            if found["dry_run"]:
                # The trigger rule lets this task run after skipped tasks, for runs without any shard.
                raise AirflowSkipException("dry run: nothing was sent, so nothing is published")
            staged = StagedRun.from_extracted(found)
            if found["resend"]:
                report = publish_again(staged, TaskConnections(), datetime.now(UTC))
            else:
                report = publish(staged, TaskConnections(), AssetWatermarks(), datetime.now(UTC))
        self.log.info("published %s: %s files, %s records", report.manifest, f"{report.files:,}", f"{report.records:,}")
        if not found["resend"]:
            metrics.delivered(report)
        self._lineage = collect(staged)
        value = report.model_dump(mode="json")
        if report.wakes:
            self.outlets = [self.alias]
            context["outlet_events"][self.alias].add(self.asset, extra=value)
        return value | {"staged": staged.model_dump(mode="json")}

    def get_openlineage_facets_on_complete(self, task_instance: Any) -> Any:  # noqa: ARG002 - the provider's signature
        """The lineage of the delivery. The provider calls this in the task's process, after `execute`."""
        return facets(self._lineage)
