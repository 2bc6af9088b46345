"""The task `chunk`."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from airflow.sdk import BaseOperator, Context
from airflow.sdk.exceptions import AirflowSkipException

from sluice.airflow.extracted import extracted
from sluice.airflow.log_fields import log_as
from sluice.airflow.project import VERIFIED, verdicts


class ChunkOperator(BaseOperator):
    """Cuts the extract into chunks. Returns the shards for the upload tasks, each with where the run is `staged`: then
    an upload asks Airflow for nothing else."""

    template_fields: Sequence[str] = ()
    ui_color = "#d6e9f8"

    def execute(self, context: Context) -> list[dict[str, Any]]:
        from sluice.airflow.connections import TaskConnections
        from sluice.delivery.chunk import chunk
        from sluice.delivery.staging import StagedRun

        with verdicts():
            found = extracted(context)
            if VERIFIED in found:
                raise AirflowSkipException("a delivery was verified: there is nothing to send")
            log_as(context, export=found["export"])
            staged = StagedRun.from_extracted(found)
            shards = chunk(staged, TaskConnections())
        for shard in shards:
            self.log.info("shard %s: %s, %s records", shard.number, shard.label, f"{shard.records:,}")
        if found["dry_run"]:
            why = f"dry run: {found['records']:,} records would be sent"
            self.log.info(why)  # Airflow logs that a task was skipped, but not why
            raise AirflowSkipException(why)
        return [shard.model_dump(mode="json") | {"staged": staged.model_dump(mode="json")} for shard in shards]
