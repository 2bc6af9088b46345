"""The task `upload`, mapped over the run's shards."""

from __future__ import annotations

import threading
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from airflow.sdk import BaseOperator, Context
from airflow.sdk.exceptions import AirflowException

from sluice.airflow import metrics
from sluice.airflow.extracted import extracted
from sluice.airflow.log_fields import log_as
from sluice.airflow.private import show_mapped
from sluice.airflow.project import verdicts
from sluice.airflow.worker import note_worker

if TYPE_CHECKING:
    from sluice.delivery.staging import StagedRun


class UploadOperator(BaseOperator):
    """Sends the chunks of one shard; a retry sends only those that have not arrived yet. What it has sent is in the
    task's state store, under `progress`."""

    template_fields: Sequence[str] = ()
    ui_color = "#cdebd3"
    _stop: threading.Event | None = None

    def __init__(self, *, shard: Any, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.shard: Mapping[str, Any] = shard

    def on_kill(self) -> None:
        """Airflow calls this in the task's process, five seconds before it kills it."""
        if self._stop is not None:
            self._stop.set()

    def execute(self, context: Context) -> None:
        from sluice.airflow.connections import TaskConnections
        from sluice.airflow.receipts import TaskReceipts
        from sluice.delivery.upload.encode import Stopped
        from sluice.delivery.upload.measured import Measured
        from sluice.delivery.upload.upload import upload
        from sluice.model.part import Shard

        shard = Shard.model_validate(self.shard)
        context["shard"] = shard.label  # type: ignore[typeddict-unknown-key] # shown as the mapped task's name
        show_mapped(context["ti"], shard.label)
        receipts = TaskReceipts(context["task_state_store"], self.log, first=context["ti"].try_number == 1)
        self._stop, measured, connections = threading.Event(), Measured(), TaskConnections()
        with verdicts():
            staged = self._staged(context)
            export = staged.export
            log_as(context, export=export, shard=shard.number, feed=shard.feed)
            task = f"export {export}, run {context['run_id']}, upload {shard.number}"
            note_worker(staged.staging, task, connections)
            try:
                upload(staged, shard, connections, receipts, receipts.tell, self._stop, measured)
            except Stopped:  # no verdict: the cause is recorded where the stop came from
                raise AirflowException("the upload was stopped; nothing more is sent") from None
            finally:
                metrics.sent(export, measured)

    def _staged(self, context: Context) -> StagedRun:
        """Where the run is staged, as `chunk` says with each shard. A `chunk` of an earlier version does not."""
        from sluice.delivery.staging import StagedRun

        left = self.shard.get("staged")
        return StagedRun.model_validate(left) if left else StagedRun.from_extracted(extracted(context))
