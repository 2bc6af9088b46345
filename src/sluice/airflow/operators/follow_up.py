"""The task `follow_up`: the command that an export runs after a delivery."""

from __future__ import annotations

import threading
from collections.abc import Sequence
from typing import Any

from airflow.sdk import BaseOperator, Context

from sluice.airflow.extracted import extracted
from sluice.airflow.log_fields import log_as
from sluice.airflow.project import include_folder, verdicts


class FollowUpOperator(BaseOperator):
    """Runs the export's command for the delivery that `publish` has published. What the command prints is in the log,
    and its exit code decides whether the task succeeds."""

    template_fields: Sequence[str] = ()
    ui_color = "#e4dcf5"
    _stop: threading.Event | None = None

    def on_kill(self) -> None:
        """Airflow calls this in the task's process, five seconds before it kills it."""
        if self._stop is not None:
            self._stop.set()

    def execute(self, context: Context) -> dict[str, Any]:
        from sluice.airflow.connections import TaskConnections
        from sluice.definition.settings import read_settings
        from sluice.delivery.follow_up.follow_up import follow_up
        from sluice.delivery.staging import StagedRun
        from sluice.errors import Skipped

        self._stop = threading.Event()
        with verdicts():
            found = extracted(context)
            staged = StagedRun.from_extracted(found)
            log_as(context, export=staged.export)
            if found["resend"]:
                raise Skipped("an earlier delivery was sent again: the command has run for it", next_step="nothing")
            allowed = read_settings(include_folder()).settings.commands
            done = follow_up(staged, allowed, TaskConnections(), self.log.info, self._stop)
        return {"command": done.command, "seconds": done.seconds}
