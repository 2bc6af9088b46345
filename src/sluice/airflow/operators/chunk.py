"""The task `chunk`."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from airflow.sdk import BaseOperator, Context
from airflow.sdk.exceptions import AirflowSkipException

from sluice.airflow.project import verdicts


class ChunkOperator(BaseOperator):
    """Cuts the extract into chunks. Returns the shards for the upload tasks."""

    template_fields: Sequence[str] = ("extracted",)
    ui_color = "#d6e9f8"

    def __init__(self, *, extracted: Any, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.extracted: Mapping[str, Any] = extracted

    def execute(self, context: Context) -> list[dict[str, Any]]:  # noqa: ARG002 - Airflow's signature
        from sluice.airflow.connections import AirflowConnections
        from sluice.delivery.chunk import chunk
        from sluice.delivery.staging import StagedRun

        with verdicts():
            shards = chunk(StagedRun.from_extracted(self.extracted), AirflowConnections())
        for shard in shards:
            self.log.info("shard %s: %s, %s records", shard.number, shard.label, f"{shard.records:,}")
        if self.extracted["dry_run"]:
            why = f"dry run: {self.extracted['records']:,} records would be sent"
            self.log.info(why)  # Airflow logs that a task was skipped, but not why
            raise AirflowSkipException(why)
        return [shard.model_dump(mode="json") for shard in shards]
