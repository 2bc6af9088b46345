"""The teardown `abort`."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from functools import partial
from typing import TYPE_CHECKING, Any

from airflow.sdk import BaseOperator, Context

from sluice.airflow.ended import has_ended
from sluice.airflow.project import verdicts

if TYPE_CHECKING:
    from sluice.delivery.staging import StagedRun


class AbortOperator(BaseOperator):
    """Removes what an unpublished run has left at the destination; leaves a published one alone. Then does the same
    for runs of this export whose own teardown did not come to it, and drops the staging of old ones."""

    template_fields: Sequence[str] = ("extracted",)
    ui_color = "#eeeeee"

    def __init__(self, *, extracted: Any, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.extracted: Mapping[str, Any] | None = extracted

    def execute(self, context: Context) -> dict[str, Any] | None:
        from sluice.airflow.connections import AirflowConnections
        from sluice.delivery.abort import abort
        from sluice.delivery.staging import StagedRun

        if self.extracted is None:
            self.log.info("nothing was extracted, so nothing was sent")
            return None
        staged, now = StagedRun.from_extracted(self.extracted), datetime.now(UTC)
        with verdicts():
            done = abort(staged, AirflowConnections(), now)
        if done.published:
            self.log.info("published: %s unfinished uploads removed", done.uploads)
        elif done.unfinished:
            self.log.warning("decided and not published yet; the next run goes on from there: %s", done.unfinished)
        else:
            self.log.info("not published: %s parts and %s unfinished uploads removed", done.removed, done.uploads)
        if done.left:
            self.log.warning("what killed tries may have left unfinished stays: %s", done.left)
        self._clean_others(staged, context)
        return done.model_dump(mode="json")

    def _clean_others(self, staged: StagedRun, context: Context) -> None:
        from sluice.airflow.connections import AirflowConnections
        from sluice.delivery.cleaning.clean import clean_others

        ended = partial(has_ended, context["ti"], context["dag_run"].dag_id)
        for one in clean_others(staged, AirflowConnections(), ended, datetime.now(UTC)):
            self.log.info(one.sentence)
