"""The tasks of the system refresh, one per segment."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from airflow.sdk import Asset, BaseOperator, Context

from sluice.airflow.log_fields import log_as
from sluice.airflow.project import include_folder, verdicts
from sluice.stopping import stop


class RefreshSegmentOperator(BaseOperator):
    """Evaluates one segment into its membership table."""

    template_fields: Sequence[str] = ()
    ui_color = "#e3d8f1"

    def __init__(self, *, segment: str, asset: Asset, **kwargs: Any) -> None:
        super().__init__(outlets=[asset], **kwargs)
        self.segment = segment
        self.asset = asset

    def on_kill(self) -> None:
        """Airflow calls this in the task's process, five seconds before it kills it."""
        stop()

    def execute(self, context: Context) -> dict[str, Any]:
        from datetime import UTC, datetime

        from sluice.airflow.connections import TaskConnections
        from sluice.definition.load import load_catalog
        from sluice.refresh.evaluate import evaluate_segment

        log_as(context, segment=self.segment)
        with verdicts():
            project = load_catalog(include_folder())
            run_key = context["dag_run"].run_id
            membership = evaluate_segment(project, self.segment, TaskConnections(), run_key, datetime.now(UTC))
        self.log.info(
            "segment %s: %s members, evaluated %s", self.segment, f"{membership.records:,}", membership.evaluated
        )
        value: dict[str, Any] = membership.model_dump(mode="json")
        context["outlet_events"][self.asset].extra = value
        return value
