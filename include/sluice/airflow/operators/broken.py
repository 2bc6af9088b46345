"""The one task of an export whose declaration is broken."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from airflow.sdk import BaseOperator, Context
from airflow.sdk.exceptions import AirflowFailException

from sluice.airflow.alerts import Listeners, tell_ended
from sluice.airflow.ended import begun
from sluice.airflow.project import leave
from sluice.model.run import flow_run_id


class BrokenDeclarationOperator(BaseOperator):
    """Fails with the declaration's error, so that a broken export is seen where its runs are looked for."""

    template_fields: Sequence[str] = ()
    ui_color = "#f4c7c3"

    def __init__(self, *, page: str, listeners: Listeners | None = None, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.page = page
        self.listeners = listeners

    def execute(self, context: Context) -> None:
        from sluice.delivery.ending import Ending

        leave(self.page)
        if self.listeners is not None:
            run_id = context["dag_run"].run_id
            run = begun(str(flow_run_id(self.listeners.name, run_id)), context)
            tell_ended(self.listeners, Ending("failed", self.page), run)
        raise AirflowFailException(self.page)
