"""The teardown `finish`: the run's last task, which determines the state of the run."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from functools import partial
from typing import TYPE_CHECKING, Any

from airflow.sdk import Asset, AssetAlias, BaseOperator, Context

from sluice.airflow import metrics
from sluice.airflow.alerts import Listeners, catch_up, tell_ended
from sluice.airflow.ended import TasksOf, begun, conclude, failed_command, has_ended, known_run, verified
from sluice.airflow.log_fields import log_as
from sluice.airflow.project import verdicts
from sluice.airflow.retention import retire
from sluice.airflow.worker import forget_workers
from sluice.errors import SluiceError

if TYPE_CHECKING:
    from sluice.delivery.finish import Finished
    from sluice.delivery.report.report import Report
    from sluice.model.access import Connections


class FinishOperator(BaseOperator):
    """Settles the run: removes what an unpublished run has sent, or publishes a decided one, then reports the outcome
    and sends alerts. Then it does the same for earlier runs of this export whose own last task did not.

    By default, Airflow derives a run's state from its last tasks without teardowns: a run whose `publish` was skipped
    would be a success. This teardown counts, and fails with the error of a run that published nothing."""

    template_fields: Sequence[str] = ()
    ui_color = "#eeeeee"

    def __init__(self, *, asset: Asset | None, listeners: Listeners, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.asset = asset
        self.listeners = listeners

    def execute(self, context: Context) -> None:
        from sluice.airflow.connections import TaskConnections
        from sluice.delivery.finish import finish, forget
        from sluice.runs.compact import compact_daily

        log_as(context, export=self.listeners.name)
        tasks, connections = TasksOf(context["ti"]), TaskConnections()
        with verdicts():
            compared = verified(self.listeners, tasks, context)
        if compared is not None:
            conclude(compared, tasks)
            return
        run = known_run(self.listeners, tasks, context)
        finished = finish(run, self.listeners.staging, connections, datetime.now(UTC))
        self._log(finished)
        ended = partial(has_ended, context["ti"], context["dag_run"].dag_id)
        for page in catch_up(self.listeners, ended, connections, but=run.flow_run_id):
            self.log.warning("not everything about earlier runs was reported; the next run tries again: %s", page)
        if not run.dry_run:
            warnings = (*((tasks.left("publish", "return_value") or {}).get("warnings") or ()), *failed_command(tasks))
            tell_ended(self.listeners, finished.ending, begun(run.flow_run_id, context), warnings)
        self._clean_others(run.flow_run_id, ended, connections)
        if not run.dry_run:
            retire(self.listeners.declared)
        forget(run, self.listeners.staging, connections)
        if compact_daily(self.listeners.staging, connections, datetime.now(UTC)):
            forget_workers(self.listeners.staging, connections)
        with verdicts():
            if finished.error is not None and not finished.done.published:
                raise finished.error
        if finished.report is not None:
            self._wake(finished.report, context)
            metrics.delivered(finished.report)
        if not run.dry_run:
            metrics.ended(run.export, finished.ending.outcome)
        conclude(finished.ending, tasks)

    def _wake(self, report: Report, context: Context) -> None:
        """Start the exports that follow, in place of a `publish` that could not. The alias becomes an outlet only now:
        Airflow asks for the outlets when a task has succeeded, and validates those that it starts with."""
        if report.wakes and self.asset:
            alias = AssetAlias(self.asset.name)
            self.outlets = [alias]
            context["outlet_events"][alias].add(self.asset, extra=report.model_dump(mode="json"))

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

    def _clean_others(self, own: str, ended: Callable[[str], bool], connections: Connections) -> None:
        from sluice.delivery.cleaning.clean import Cleaner

        try:
            cleaner = Cleaner(self.listeners.staging, self.listeners.name, connections, ended)
            for one in cleaner.clean(datetime.now(UTC), but=own):
                self.log.info(one.sentence)
        except SluiceError as failed:  # it concerns other runs, and does not change the outcome of this one
            self.log.warning("earlier runs could not be cleaned: %s", failed.page())
