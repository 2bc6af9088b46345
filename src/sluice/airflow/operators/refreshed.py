"""The last tasks of the system refresh: they record how it ended, for the runs that wait for it."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

from airflow.sdk import BaseOperator, Context

from sluice.airflow.record import FAILED, SUCCEEDED, SYSTEM_REFRESH, Ended, last, store


class RefreshedOperator(BaseOperator):
    """Records when everything was refreshed. Its event starts the exports that follow the refresh."""

    template_fields: Sequence[str] = ()
    ui_color = "#e3d8f1"

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(outlets=[SYSTEM_REFRESH], **kwargs)

    def execute(self, context: Context) -> dict[str, Any]:
        ended = Ended(context["dag_run"].run_id, datetime.now(UTC)).write()
        store().set(SUCCEEDED, ended)
        context["outlet_events"][SYSTEM_REFRESH].extra = ended
        return ended


class RecordFailureOperator(BaseOperator):
    """A teardown: records that the refresh failed, if its success is not recorded."""

    template_fields: Sequence[str] = ()
    ui_color = "#eeeeee"

    def execute(self, context: Context) -> None:
        run_id = context["dag_run"].run_id
        succeeded = last(SUCCEEDED)
        if succeeded and succeeded.run_id == run_id:
            self.log.info("everything was refreshed at %s", succeeded.at)
            return
        store().set(FAILED, Ended(run_id, datetime.now(UTC)).write())
        self.log.warning("this refresh has failed: exports continue according to their `wait.on_failed`")
