"""The task `extract`."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from airflow.sdk import BaseOperator, Context

from sluice.airflow.log_fields import log_as
from sluice.airflow.project import VERIFIED, run_config, run_of, verdicts
from sluice.airflow.watermark import AssetWatermarks
from sluice.airflow.worker import note_worker

if TYPE_CHECKING:
    from sluice.definition.models.export import Export
    from sluice.definition.models.project import Project


class ExtractOperator(BaseOperator):
    """Checks the export against the data, selects its rows and pins what the run will read. In a run that verifies, it
    compares an earlier delivery with its manifest instead."""

    template_fields: Sequence[str] = ()
    ui_color = "#d6e9f8"

    def __init__(self, *, export: Export, project: Project, **kwargs: Any) -> None:
        """`project` holds what the export depends on, as it was declared when the task started."""
        super().__init__(**kwargs)
        self.export, self.project = export, project

    def execute(self, context: Context) -> dict[str, Any]:
        from sluice.airflow.connections import TaskConnections
        from sluice.delivery.extract import extract
        from sluice.delivery.resend import load_run
        from sluice.plan.build import build

        name, staging = self.export.name, self.project.settings.staging
        log_as(context, export=name)
        connections = TaskConnections()
        with verdicts():
            if delivered := run_config(self.export, context).verify:
                return self._verify(delivered, context)
            note_worker(staging, f"export {name}, run {context['run_id']}, extract", connections)
            if earlier := run_config(self.export, context).resend:
                extracted = load_run(staging, name, earlier, connections)
            else:
                plan = build(self.project, self.export, run_of(self.export, context))
                extracted = extract(plan, connections, AssetWatermarks(), datetime.now(UTC))
        self.log.info("%s: %s records in %s feeds", name, f"{extracted.records:,}", len(extracted.feeds))
        return extracted.model_dump(mode="json")

    def _verify(self, delivered: str, context: Context) -> dict[str, Any]:
        """Compare an earlier delivery with its manifest, and leave the result for `finish`."""
        from sluice.airflow.connections import AirflowConnections
        from sluice.delivery.verifying import delivery_of, verify_delivery

        record = delivery_of(self.project.settings.staging, self.export.name, delivered, AirflowConnections())
        connection = self.project.connections[self.export.connection]
        found = verify_delivery(record, connection, AirflowConnections(), self.log.info)
        value = {VERIFIED: found.model_dump(mode="json")}
        context["ti"].xcom_push(VERIFIED, value[VERIFIED])
        if (error := found.error) is not None:
            raise error
        self.log.info(found.ending.page)
        return value
