"""The teardown `finish`: the run's last task, which determines the state of the run."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime
from functools import partial
from typing import TYPE_CHECKING, Any

from airflow.sdk import Asset, AssetAlias, BaseOperator, Context

from sluice.airflow.alerts import Listeners, catch_up, tell_ended
from sluice.airflow.ended import TasksOf, begun, conclude, has_ended, known_run
from sluice.airflow.project import verdicts
from sluice.errors import SluiceError

if TYPE_CHECKING:
    from sluice.delivery.finish import Finished


class FinishOperator(BaseOperator):
    """Settles the run: removes what an unpublished run has sent, or publishes a decided one, then reports the outcome
    and sends alerts. Then it does the same for earlier runs of this export whose own last task did not.

    By default, Airflow derives a run's state from its last tasks without teardowns: a run whose `publish` was skipped
    would be a success. This teardown counts, and fails with the error of a run that published nothing."""

    template_fields: Sequence[str] = ("extracted",)
    ui_color = "#eeeeee"

    def __init__(self, *, extracted: Any, asset: Asset | None, listeners: Listeners, **kwargs: Any) -> None:
        self.alias = AssetAlias(asset.name) if asset else None
        super().__init__(outlets=[self.alias] if self.alias else [], **kwargs)
        self.asset = asset
        self.extracted: Mapping[str, Any] | None = extracted
        self.listeners = listeners

    def execute(self, context: Context) -> dict[str, Any]:
        from sluice.airflow.connections import AirflowConnections
        from sluice.delivery.finish import finish, forget
        from sluice.runs.compact import compact_daily

        tasks = TasksOf(context["ti"])
        run = known_run(self.listeners, self.extracted, tasks, context)
        finished = finish(run, self.listeners.staging, AirflowConnections(), datetime.now(UTC))
        self._log(finished)
        ended = partial(has_ended, context["ti"], context["dag_run"].dag_id)
        for page in catch_up(self.listeners, ended, AirflowConnections(), but=run.flow_run_id):
            self.log.warning("not everything about earlier runs was reported; the next run tries again: %s", page)
        if not run.dry_run:
            warnings = (tasks.left("publish", "return_value") or {}).get("warnings") or ()
            tell_ended(self.listeners, finished.ending, begun(run.flow_run_id, context), warnings)
        self._clean_others(run.flow_run_id, ended)
        forget(run, self.listeners.staging, AirflowConnections())
        compact_daily(self.listeners.staging, AirflowConnections(), datetime.now(UTC))
        with verdicts():
            if finished.error is not None and not finished.done.published:
                raise finished.error
        if finished.report is not None and finished.report.wakes and self.alias and self.asset:
            context["outlet_events"][self.alias].add(self.asset, extra=finished.report.model_dump(mode="json"))
        conclude(finished.ending)
        return finished.done.model_dump(mode="json")

    def _log(self, finished: Finished) -> None:
        done = finished.done
        if finished.error is not None:
            self.log.warning("not everything is settled; the next run continues: %s", finished.error.page())
        if done.published:
            self.log.info("published: %s unfinished uploads removed", done.uploads)
        elif done.unfinished:
            self.log.warning("decided but not published yet; the next run continues: %s", done.unfinished)
        else:
            self.log.info("not published: %s parts and %s unfinished uploads removed", done.removed, done.uploads)
        if done.left:
            self.log.warning("unfinished uploads of killed attempts may remain: %s", done.left)

    def _clean_others(self, own: str, ended: Callable[[str], bool]) -> None:
        from sluice.airflow.connections import AirflowConnections
        from sluice.delivery.cleaning.clean import Cleaner

        try:
            cleaner = Cleaner(self.listeners.staging, self.listeners.name, AirflowConnections(), ended)
            for one in cleaner.clean(datetime.now(UTC), but=own):
                self.log.info(one.sentence)
        except SluiceError as failed:  # it concerns other runs, and does not change the outcome of this one
            self.log.warning("earlier runs could not be cleaned: %s", failed.page())
