"""The teardown `abort`."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from airflow.sdk import BaseOperator, Context

from sluice.airflow.project import verdicts


class AbortOperator(BaseOperator):
    """Removes what an unpublished run has left at the destination; leaves a published one alone."""

    template_fields: Sequence[str] = ("extracted",)
    ui_color = "#eeeeee"

    def __init__(self, *, extracted: Any, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.extracted: Mapping[str, Any] | None = extracted

    def execute(self, context: Context) -> dict[str, Any] | None:  # noqa: ARG002 - Airflow's signature
        from sluice.airflow.connections import AirflowConnections
        from sluice.delivery.abort import abort
        from sluice.delivery.staging import StagedRun

        if self.extracted is None:
            self.log.info("nothing was extracted, so nothing was sent")
            return None
        with verdicts():
            done = abort(StagedRun.from_extracted(self.extracted), AirflowConnections())
        if done.published:
            self.log.info("published: nothing to clean")
        else:
            self.log.info("not published: %s parts and %s unfinished uploads removed", done.removed, done.uploads)
        return done.model_dump(mode="json")
