"""Whether and how a run has ended, as far as a task can ask Airflow."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from sluice.airflow.private import run_state
from sluice.airflow.project import WHY, run_config, run_of, word
from sluice.errors import DefinitionError
from sluice.model.run import flow_run_id

if TYPE_CHECKING:
    from airflow.sdk import Context

    from sluice.airflow.alerts import Listeners
    from sluice.airflow.private import RuntimeTaskInstanceProtocol
    from sluice.delivery.finish import Known
    from sluice.delivery.report.begun import Begun
    from sluice.delivery.report.ending import Ending, Tasks, Verdict


class TasksOf:
    """The task instances of a run: the core's `Tasks`."""

    def __init__(self, ti: RuntimeTaskInstanceProtocol) -> None:
        """Of the run that this one belongs to."""
        self._dag_id, self._run_id = ti.dag_id, ti.run_id
        states = ti.get_task_states(ti.dag_id, run_ids=[ti.run_id]).get(ti.run_id, {})
        self.states: Mapping[str, str] = {task: word(state) for task, state in states.items()}

    def verdict(self, task: str) -> Verdict | None:
        from sluice.delivery.report.ending import Verdict

        found = self.left(task, WHY)
        return Verdict.model_validate(found) if isinstance(found, dict) else None

    def left(self, task: str, key: str) -> Any:
        """The value of a task's XCom; None if there is none."""
        from airflow.sdk import BaseXCom

        mapped = re.fullmatch(r"upload_(\d+)", task)
        task_id, index = ("upload", int(mapped[1])) if mapped else (task, -1)
        return BaseXCom.get_one(key=key, dag_id=self._dag_id, task_id=task_id, run_id=self._run_id, map_index=index)


def known_run(export: Listeners, extracted: Mapping[str, Any] | None, tasks: Tasks, context: Context) -> Known:
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
    return Known(
        export=export.name,
        kind=export.declared.kind if export.declared else "",
        connection=export.declared.connection if export.declared else "",
        run_id=run_id,
        flow_run_id=flow_run,
        tasks=tasks,
        staged=StagedRun.from_extracted(extracted) if extracted else named,
        published=tasks.states.get("publish") == "success" and _reported(context),
        dry_run=dry_run,
        resend=resend,
    )


def begun(flow_run_id: str, context: Context) -> Begun:
    """The record that a run has started: later runs use it to find runs that never reported their end."""
    from sluice.delivery.report.begun import Begun

    dag_run = context["dag_run"]
    backfill = word(dag_run.run_type) == "backfill"
    return Begun(run_id=dag_run.run_id, flow_run_id=flow_run_id, backfill=backfill)


def _reported(context: Context) -> bool:
    """Whether `publish` returned its report. A task that a user marked as success has not."""
    from airflow.sdk import BaseXCom

    ti = context["ti"]
    return BaseXCom.get_one(key="return_value", dag_id=ti.dag_id, task_id="publish", run_id=ti.run_id) is not None


def conclude(ending: Ending) -> None:
    """End the task with the run's outcome. Raises Airflow's own exceptions for a skipped or failed run."""
    from airflow.sdk.exceptions import AirflowFailException, AirflowSkipException

    if ending.outcome == "skipped":
        raise AirflowSkipException(ending.page or "there was nothing to send")
    if ending.outcome != "published":
        raise AirflowFailException(f"{ending.outcome}: {ending.page}")


def has_ended(ti: RuntimeTaskInstanceProtocol, dag_id: str, run_id: str) -> bool:
    """Whether a run of the DAG has succeeded, failed, or been deleted."""
    return run_state(ti, dag_id, run_id) in ("success", "failed", None)
