"""Alerts in Airflow: what a run's last task tells, a deadline, and what carries a notice.

Nothing here is a callback of the DAG: those run in the process that first parses every export, and Airflow kills it
after a minute. A deadline's callback runs in the triggerer. What was told, and what waits to be sent, is in staging.
"""

from __future__ import annotations

import html
import logging
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from sluice.airflow.connections import AirflowConnections
from sluice.airflow.names import dag_id
from sluice.airflow.project import include_folder
from sluice.airflow.webhook import RefusedNoticeError, Webhook
from sluice.alerts.notices import News, Notice
from sluice.alerts.outbox import Outbox, flush, notify
from sluice.definition.models.alerts import Alert, Trouble
from sluice.definition.models.export import Export, ExportBase
from sluice.definition.models.project import Settings, Staging
from sluice.errors import DefinitionError, RetriableError, SluiceError
from sluice.model.access import Connections
from sluice.model.declared import spell_duration

if TYPE_CHECKING:
    from sluice.delivery.report.begun import Begun
    from sluice.delivery.report.ending import Ending

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Listeners:
    """Those who hear how an export's runs end, and where it is kept what they have heard."""

    name: str
    """The export's."""
    staging: Staging
    alerts: tuple[Alert, ...] = ()
    declared: Export | None = None
    """None of an export that cannot be read: the project's defaults say who is told."""

    @classmethod
    def of(cls, export: Export, settings: Settings) -> Listeners:
        return cls(export.name, settings.staging, export.alerts, export)


def deadline(export: ExportBase) -> dict[str, Any]:
    """The argument of an export's DAG by which Airflow tells that a run is late; none if nothing is."""
    if export.late_after is None:
        return {}
    from airflow.sdk import (  # type: ignore[attr-defined] # public, and not in the stub of 3.3.2
        AsyncCallback,
        DeadlineAlert,
        DeadlineReference,
    )

    callback = AsyncCallback("sluice.airflow.alerts.late", kwargs={"export": export.name})
    return {"deadline": DeadlineAlert(DeadlineReference.DAGRUN_QUEUED_AT, export.late_after, callback)}


def tell_ended(
    listeners: Listeners, ending: Ending, run: Begun, warnings: Sequence[str] = (), *, found: bool = False
) -> None:
    """Tell how a run has ended. A notice that could not be sent does not change how it has; it is tried again by the
    next run. `found` says that another run tells of it."""
    if not listeners.alerts:
        return
    published = ending.outcome == "published"
    trouble = ("warning" if warnings else None) if published else _TROUBLES.get(ending.outcome, "failed")
    page = "\n".join(warnings) if published else ending.page
    link = _link(dag_id(listeners.name), run.run_id)
    _tell(listeners, News(listeners.name, run.run_id, trouble, page, link, found=found, backfill=run.backfill))


def catch_up(
    listeners: Listeners, ended: Callable[[str], bool], connections: Connections, *, but: str = ""
) -> list[str]:
    """Report and tell of runs that are over and have not said so, and send what waits; the pages of what could not be
    done. `but` is the flow run id of the run that does this."""
    from sluice.delivery.report.begun import Beginnings

    now, outbox = datetime.now(UTC), Outbox.of(listeners.staging, listeners.name, connections)
    try:
        for run, ending in Beginnings(listeners.staging, listeners.name, connections).over(ended, now, but=but):
            tell_ended(listeners, ending, run, found=True)
        return flush(outbox, send, now) if listeners.alerts else []
    except SluiceError as unreadable:
        return [unreadable.page()]


_TROUBLES: Mapping[str, Trouble] = {"skipped": "skipped", "held": "held", "cancelled": "cancelled"}
"""By a run's outcome: everything else has failed."""


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
    run_id, backfill = dag_run["dag_run_id"], dag_run.get("run_type") == "backfill"
    news = News(name, run_id, "late", page, _link(dag_run["dag_id"], run_id), backfill=backfill)
    _tell(Listeners.of(export, project.settings), news)


def _tell(listeners: Listeners, news: News) -> None:
    outbox = Outbox.of(listeners.staging, listeners.name, AirflowConnections())
    _log(notify(listeners.alerts, news, outbox, send, datetime.now(UTC)))


def _log(failures: Sequence[str]) -> None:
    for page in failures:
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
            next_step="look whether it is right; the next run sends it again, and so does `sluice clean`",
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
