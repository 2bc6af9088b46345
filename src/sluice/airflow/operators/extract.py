"""The task `extract`."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from airflow.sdk import BaseOperator, Context

from sluice.airflow.log_fields import log_as
from sluice.airflow.project import VERIFIED, include_folder, run_config, run_of, verdicts
from sluice.airflow.watermark import AssetWatermarks, watermark_asset
from sluice.airflow.worker import note_worker

if TYPE_CHECKING:
    from sluice.definition.models.export import Export
    from sluice.definition.models.project import Project


class ExtractOperator(BaseOperator):
    """Checks the export against the data, selects its rows and pins what the run will read. In a run that verifies, it
    compares an earlier delivery with its manifest instead."""

    template_fields: Sequence[str] = ()
    ui_color = "#d6e9f8"

    def __init__(self, *, export: str, **kwargs: Any) -> None:
        super().__init__(inlets=[watermark_asset(export)], **kwargs)
        self.export = export

    def execute(self, context: Context) -> dict[str, Any]:
        from sluice.airflow.connections import TaskConnections
        from sluice.definition.load import load_export
        from sluice.delivery.extract import extract
        from sluice.delivery.resend import load_run
        from sluice.plan.build import build

        log_as(context, export=self.export)
        with verdicts():
            project, export = load_export(include_folder(), self.export)
            if delivered := run_config(export, context).verify:
                return self._verify(project, export, delivered, context)
            note_worker(project.settings.staging, f"export {self.export}, run {context['run_id']}, extract")
            if earlier := run_config(export, context).resend:
                extracted = load_run(project.settings.staging, self.export, earlier, TaskConnections())
            else:
                plan = build(project, export, run_of(export, context))
                extracted = extract(plan, TaskConnections(), AssetWatermarks(context), datetime.now(UTC))
        self.log.info("%s: %s records in %s feeds", self.export, f"{extracted.records:,}", len(extracted.feeds))
        return extracted.model_dump(mode="json")

    def _verify(self, project: Project, export: Export, delivered: str, context: Context) -> dict[str, Any]:
        """Compare an earlier delivery with its manifest, and leave the result for `finish`."""
        from sluice.airflow.connections import AirflowConnections
        from sluice.delivery.verifying import delivery_of, verify_delivery

        record = delivery_of(project.settings.staging, self.export, delivered, AirflowConnections())
        connection = project.connections[export.connection]
        found = verify_delivery(record, connection, AirflowConnections(), self.log.info)
        value = {VERIFIED: found.model_dump(mode="json")}
        context["ti"].xcom_push(VERIFIED, value[VERIFIED])
        if (error := found.error) is not None:
            raise error
        self.log.info(found.ending.page)
        return value
