"""The task `upload`, mapped over the run's shards."""

from __future__ import annotations

import threading
from collections.abc import Mapping, Sequence
from typing import Any

from airflow.sdk import BaseOperator, Context
from airflow.sdk.exceptions import AirflowException

from sluice.airflow.project import verdicts


class UploadOperator(BaseOperator):
    """Sends the chunks of one shard; a retry sends only those that have not arrived yet."""

    template_fields: Sequence[str] = ("extracted", "shard")
    ui_color = "#cdebd3"
    _stop: threading.Event | None = None

    def __init__(self, *, extracted: Any, shard: Any, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.extracted: Mapping[str, Any] = extracted
        self.shard: Mapping[str, Any] = shard

    def on_kill(self) -> None:
        """Airflow calls this in the task's process, five seconds before it kills it."""
        if self._stop is not None:
            self._stop.set()

    def execute(self, context: Context) -> dict[str, Any]:
        from sluice.airflow.connections import AirflowConnections
        from sluice.airflow.receipts import TaskReceipts
        from sluice.delivery.staging import StagedRun
        from sluice.delivery.upload.encode import Stopped
        from sluice.delivery.upload.upload import upload
        from sluice.model.part import Shard

        shard = Shard.model_validate(self.shard)
        context["shard"] = shard.label  # type: ignore[typeddict-unknown-key] # shown as the mapped task's name
        receipts = TaskReceipts(context["task_state_store"], self.log)
        self._stop, staged = threading.Event(), StagedRun.from_extracted(self.extracted)
        with verdicts():
            try:
                sent = upload(staged, shard, AirflowConnections(), receipts, receipts.tell, self._stop)
            except Stopped:  # no verdict: the cause is recorded where the stop came from
                raise AirflowException("the upload was stopped; nothing more is sent") from None
        return {
            "shard": shard.label,
            "files": len(sent.parts),
            "records": sent.records,
            "bytes": sent.bytes,
            "seconds": sent.seconds,
        }
