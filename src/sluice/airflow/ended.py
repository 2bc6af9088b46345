"""Whether and how a run has ended, as far as a task can ask Airflow."""

from __future__ import annotations

import re
from collections.abc import Mapping
from contextlib import suppress
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from sluice.airflow.private import run_state
from sluice.airflow.project import VERIFIED, WHY, run_config, run_of, word
from sluice.errors import DefinitionError, FatalError
from sluice.model.run import flow_run_id

if TYPE_CHECKING:
    from airflow.sdk import Context

    from sluice.airflow.alerts import Listeners
    from sluice.airflow.private import RuntimeTaskInstanceProtocol
    from sluice.delivery.finish import Known
    from sluice.delivery.report.begun import Begun
    from sluice.delivery.report.ending import Ending, Tasks, Verdict
    from sluice.delivery.staging import StagedRun


class TasksOf:
    """The task instances of a run: the core's `Tasks`."""

    def __init__(self, ti: RuntimeTaskInstanceProtocol) -> None:
        """Of the run that this one belongs to."""
        self._dag_id, self._run_id = ti.dag_id, ti.run_id
        self._left: dict[tuple[str, str], Any] = {}
        states = ti.get_task_states(ti.dag_id, run_ids=[ti.run_id]).get(ti.run_id, {})
        self.states: Mapping[str, str] = {task: word(state) for task, state in states.items()}

    def verdict(self, task: str) -> Verdict | None:
        from sluice.delivery.report.ending import Verdict

        found = self.left(task, WHY)
        return Verdict.model_validate(found) if isinstance(found, dict) else None

    def left(self, task: str, key: str) -> Any:
        """The value of a task's XCom; None if there is none. It is read once."""
        if (task, key) not in self._left:
            self._left[task, key] = self._read(task, key)
        return self._left[task, key]

    def _read(self, task: str, key: str) -> Any:
        from airflow.sdk import BaseXCom

        mapped = re.fullmatch(r"upload_(\d+)", task)
        task_id, index = ("upload", int(mapped[1])) if mapped else (task, -1)
        return BaseXCom.get_one(key=key, dag_id=self._dag_id, task_id=task_id, run_id=self._run_id, map_index=index)


def known_run(export: Listeners, tasks: TasksOf, context: Context) -> Known:
    """The run as its last task sees it. A run with an invalid configuration has failed, and must still be finished."""
    from sluice.delivery.finish import Known
    from sluice.delivery.staging import StagedRun

    run_id, dry_run, resend = str(context["run_id"]), False, False
    flow_run = str(flow_run_id(export.name, run_id))
    if export.declared is not None:
        try:
            run = run_of(export.declared, context)
            flow_run, dry_run, resend = (
                str(run.id),
                run.dry_run,
                run_config(export.declared, context).resend is not None,
            )
        except DefinitionError:
            pass
    named = None if resend else StagedRun.named(export.staging, export.name, flow_run)
    # A `publish` that a user marked as success has returned nothing.
    report = tasks.left("publish", "return_value") if tasks.states.get("publish") == "success" else None
    return Known(
        export=export.name,
        kind=export.declared.kind if export.declared else "",
        connection=export.declared.connection if export.declared else "",
        run_id=run_id,
        flow_run_id=flow_run,
        tasks=tasks,
        staged=_staged(report, tasks) or named,
        published=report is not None,
        dry_run=dry_run,
        resend=resend,
    )


def _staged(report: Any, tasks: TasksOf) -> StagedRun | None:
    """Where the run is staged, as `publish` has returned it; without that, as `extract` has."""
    from sluice.delivery.staging import StagedRun

    if report is not None and "staged" in report:
        return StagedRun.model_validate(report["staged"])
    extracted = tasks.left("extract", "return_value")
    return StagedRun.from_extracted(extracted) if extracted else None


def verified(export: Listeners, tasks: TasksOf, context: Context) -> Ending | None:
    """How a run that verifies an earlier delivery has ended, once it is reported; None for every other run. Such a run
    has nothing to settle: it has no staging, and notifies nobody."""
    from sluice.airflow.connections import AirflowConnections
    from sluice.delivery.abort import Aborted
    from sluice.delivery.report.ending import Ending, ending
    from sluice.delivery.report.history import History
    from sluice.delivery.verifying import Verification, delivery_of, report_of

    delivered = None
    with suppress(DefinitionError):
        delivered = run_config(export.declared, context).verify if export.declared else None
    if delivered is None or export.declared is None:
        return None
    record, found = None, tasks.left("extract", VERIFIED)
    with suppress(FatalError):
        record = delivery_of(export.staging, export.name, delivered, AirflowConnections())
    result = Verification.model_validate(found) if found else None
    ended = result.ending if result else Ending("unverified", ending(tasks, Aborted(published=False)).page)
    run, now = run_of(export.declared, context), datetime.now(UTC)
    report = report_of(run, export.declared.kind, record, result, ended, now)
    History(export.staging, export.name, AirflowConnections()).keep(report)
    return ended


def begun(flow_run_id: str, context: Context) -> Begun:
    """The record that a run has started: later runs use it to find runs that never reported their end."""
    from sluice.delivery.report.begun import Begun

    dag_run = context["dag_run"]
    backfill = word(dag_run.run_type) == "backfill"
    return Begun(run_id=dag_run.run_id, flow_run_id=flow_run_id, backfill=backfill)


def failed_command(tasks: Tasks) -> tuple[str, ...]:
    """Why the command that follows the delivery has failed; empty if it has not."""
    if tasks.states.get("follow_up") != "failed":
        return ()
    verdict = tasks.verdict("follow_up")
    return (f"follow_up: {verdict.page if verdict else 'its process died, or someone ended it'}",)


def conclude(ending: Ending, tasks: Tasks) -> None:
    """End the task with the run's outcome. Raises Airflow's own exceptions for a skipped or failed run, and for one
    whose command has failed."""
    from airflow.sdk.exceptions import AirflowFailException, AirflowSkipException

    if ending.outcome == "skipped":
        raise AirflowSkipException(ending.page or "there was nothing to send")
    if ending.outcome not in ("published", "verified"):
        raise AirflowFailException(f"{ending.outcome}: {ending.page}")
    for page in failed_command(tasks):
        raise AirflowFailException(f"published, but {page}")


def has_ended(ti: RuntimeTaskInstanceProtocol, dag_id: str, run_id: str) -> bool:
    """Whether a run of the DAG has succeeded, failed, or been deleted."""
    return run_state(ti, dag_id, run_id) in ("success", "failed", None)
