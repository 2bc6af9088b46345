"""Alerts in Airflow: callbacks of the DAG, a deadline, and what carries a notice.

A DAG's callbacks run in the DAG processor, a deadline's in the triggerer. Both read connections and XComs, and neither
asset nor task state: what was told before is in staging. What a task has raised is left in its XCom `why`.
"""

from __future__ import annotations

import html
import logging
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from sluice.airflow.connections import AirflowConnections
from sluice.airflow.project import WHY, include_folder, word
from sluice.airflow.webhook import RefusedNoticeError, Webhook
from sluice.definition.alerts import Alert, Trouble
from sluice.definition.export import ExportBase
from sluice.definition.project import Settings, Staging
from sluice.delivery.alerts import Memory, News, Notice, tell
from sluice.errors import DefinitionError, RetriableError
from sluice.model.declared import spell_duration

if TYPE_CHECKING:
    from airflow.sdk import Context

log = logging.getLogger(__name__)


def alerting(export: ExportBase, staging: Staging) -> dict[str, Any]:
    """The arguments of an export's DAG by which its alerts are told; none where nobody asked."""
    found: dict[str, Any] = {}
    if export.alerts:
        found["on_success_callback"] = RunEnded(export.name, export.alerts, staging, failed=False)
        found["on_failure_callback"] = RunEnded(export.name, export.alerts, staging, failed=True)
    if export.late_after is not None:
        from airflow.sdk.definitions.callback import AsyncCallback
        from airflow.sdk.definitions.deadline import DeadlineAlert, DeadlineReference

        callback = AsyncCallback("sluice.airflow.alerts.late", kwargs={"export": export.name})
        found["deadline"] = DeadlineAlert(DeadlineReference.DAGRUN_QUEUED_AT, export.late_after, callback)
    return found


def alerting_broken(name: str, settings: Settings) -> dict[str, Any]:
    """The same for an export that cannot be read: the project's defaults say who is told."""
    alerts = settings.alerts
    return {"on_failure_callback": RunEnded(name, alerts, settings.staging, failed=True)} if alerts else {}


@dataclass(frozen=True)
class RunEnded:
    """The callback of a run that has ended."""

    export: str
    alerts: tuple[Alert, ...]
    staging: Staging
    failed: bool

    def __call__(self, context: Context) -> None:
        dag_run: Any = context.get("dag_run")  # Airflow leaves it out where no task of the run is known
        if (getattr(dag_run, "conf", None) or {}).get("dry_run"):
            return
        tasks = Tasks(context["dag"].dag_id, context["run_id"])
        trouble, page = _failure(tasks, str(context.get("reason"))) if self.failed else _ending(tasks)
        backfill = word(getattr(dag_run, "run_type", "")) == "backfill"
        link = _link(tasks.dag_id, tasks.run_id)
        _tell(self.alerts, self.staging, News(self.export, tasks.run_id, trouble, page, link, backfill))


class Tasks:
    """The task instances of a run that has ended, as the DAG processor may look at them."""

    def __init__(self, dag_id: str, run_id: str) -> None:
        from airflow.sdk.execution_time.task_runner import RuntimeTaskInstance

        self.dag_id, self.run_id = dag_id, run_id
        states = RuntimeTaskInstance.get_task_states(dag_id, run_ids=[run_id]).get(run_id, {})
        self._states = {task: word(state) for task, state in states.items()}

    def that(self, state: str) -> list[str]:
        """Those in a state, by their names; of mapped ones with their number behind: `upload_3`."""
        return [task for task, found in self._states.items() if found == state]

    def left(self, task: str, key: str) -> Any:
        """What a task has left in an XCom; None where there is none."""
        from airflow.sdk.bases.xcom import BaseXCom

        mapped = re.fullmatch(r"upload_(\d+)", task)
        task_id, index = ("upload", int(mapped[1])) if mapped else (task, -1)
        return BaseXCom.get_one(key=key, dag_id=self.dag_id, task_id=task_id, run_id=self.run_id, map_index=index)

    def why(self, tasks: Sequence[str]) -> str:
        """The first page that one of them has left; empty where none did."""
        return next((str(page) for task in tasks[:20] if (page := self.left(task, WHY))), "")


def _failure(tasks: Tasks, reason: str) -> tuple[Trouble, str]:
    failed = tasks.that("failed")
    which = f"it ended in {', '.join(failed[:5])}" if failed else f"Airflow ended it: {reason}"
    return "failure", tasks.why(failed) or f"{which}\n  next: open the run; its log says more"


def _ending(tasks: Tasks) -> tuple[Trouble | None, str]:
    skipped = tasks.that("skipped")
    if "publish" in skipped:
        return "skip", tasks.why(skipped)
    warnings = (tasks.left("publish", "return_value") or {}).get("warnings") or ()
    return ("warning" if warnings else None), "\n".join(warnings)


async def late(export: str, context: Mapping[str, Any]) -> None:
    """The callback of a run that has not ended in time. Airflow calls it by its path, in the triggerer."""
    from asgiref.sync import sync_to_async

    await sync_to_async(_late, thread_sensitive=False)(export, context["dag_run"])


def _late(name: str, dag_run: Mapping[str, Any]) -> None:
    from sluice.definition.load import load_export

    project, export = load_export(include_folder(), name)
    if export.late_after is None or (dag_run.get("conf") or {}).get("dry_run"):
        return
    page = f"it has not ended {spell_duration(export.late_after)} after it was queued\n  next: see what it waits for"
    run_id, dag_id = dag_run["dag_run_id"], dag_run["dag_id"]
    backfill = dag_run.get("run_type") == "backfill"
    _tell(export.alerts, project.settings.staging, News(name, run_id, "late", page, _link(dag_id, run_id), backfill))


def _tell(alerts: tuple[Alert, ...], staging: Staging, news: News) -> None:
    for page in tell(alerts, news, Memory(staging, news.export, AirflowConnections()), send):
        log.error("a notice was not sent, or not remembered: %s", page)


def carries(alert: Alert, export: str) -> str:
    """The type of the alert's Airflow connection. Raises `DefinitionError` where there is none, or one that carries no
    notices, or mail to nobody."""
    try:
        conn_type = AirflowConnections().type_of(alert.to)
    except DefinitionError:
        raise DefinitionError(
            f"there is no Airflow connection {alert.to}, to which alerts of {export} go",
            next_step="add it in Airflow under Admin, Connections, or by"
            f" `sluice airflow connections add {alert.to} --conn-type http --conn-host https://hooks.example.com "
            "--conn-password SECRET/PATH`",
        ) from None
    if conn_type not in _CARRIERS:
        raise DefinitionError(
            f"the Airflow connection {alert.to} is of type {conn_type}, which carries no alerts", known=[*_CARRIERS]
        )
    if conn_type == "http":
        Webhook.of(AirflowConnections().raw(alert.to))
    if conn_type == "smtp" and not alert.email:
        raise DefinitionError(
            f"alerts of {export} go by mail through {alert.to}, to nobody",
            next_step="add `email: [someone@example.com]` to the alert",
        )
    return conn_type


def send(alert: Alert, notice: Notice) -> None:
    """Send a notice as its connection's type does. Raises what `carries` does, and `RetriableError` where
    the notice did not leave, which quotes nothing that a client said: that may hold a secret address."""
    carry = _CARRIERS[carries(alert, notice.export)]
    try:
        carry(alert, notice)
    except DefinitionError:
        raise
    except Exception as error:
        why = str(error) if isinstance(error, RefusedNoticeError) else type(error).__name__
        raise RetriableError(
            f"the Airflow connection {alert.to} did not take the notice `{notice.subject}`: {why}",
            next_step="look whether it is right",
        ) from None


def _webhook(alert: Alert, notice: Notice) -> None:
    Webhook.of(AirflowConnections().raw(alert.to)).post(notice.model_dump(mode="json"))


def _mail(alert: Alert, notice: Notice) -> None:
    from airflow.providers.smtp.notifications.smtp import SmtpNotifier

    body = f"<pre>{html.escape(notice.text)}</pre>"
    subject = f"Sluice: {notice.subject}"
    SmtpNotifier(smtp_conn_id=alert.to, to=list(alert.email), subject=subject, html_content=body).notify({})


_CARRIERS: dict[str, Callable[[Alert, Notice], None]] = {"http": _webhook, "smtp": _mail}
"""By the type of the Airflow connection that an alert names."""


def _link(dag_id: str, run_id: str) -> str:
    from airflow.sdk import conf

    base = conf.get("api", "base_url", fallback="") or ""
    return f"{base.rstrip('/')}/dags/{dag_id}/runs/{quote(run_id, safe='')}" if base else ""
