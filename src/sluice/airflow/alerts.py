"""Alerts in Airflow: notices from a run's last task, deadlines, and the channels that send notices.

Nothing here is a callback of the DAG: those run in a process that first parses every export, and Airflow kills it after
a minute. A deadline's callback runs in the triggerer. Staging records sent notices and those that wait to be sent.
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
    """Who is notified when an export's runs end, and the staging that records the notices."""

    name: str
    """The export's name."""
    staging: Staging
    alerts: tuple[Alert, ...] = ()
    declared: Export | None = None
    """None if the export cannot be read: then the project's defaults define who is notified."""

    @classmethod
    def of(cls, export: Export, settings: Settings) -> Listeners:
        return cls(export.name, settings.staging, export.alerts, export)


def deadline(export: ExportBase) -> dict[str, Any]:
    """The argument of an export's DAG for notices about late runs; empty if the export has no `late_after`."""
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
    """Send notices about the end of a run. A notice that cannot be sent does not change the run's outcome; the next run
    sends it again. `found` means that another run reports the end."""
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
    """Report and send notices for runs that ended without doing so themselves, and send waiting notices. Returns the
    pages of errors. `but` is the flow run id of the calling run, which is left out."""
    from sluice.delivery.report.begun import Beginnings

    now, outbox = datetime.now(UTC), Outbox.of(listeners.staging, listeners.name, connections)
    try:
        for run, ending in Beginnings(listeners.staging, listeners.name, connections).over(ended, now, but=but):
            tell_ended(listeners, ending, run, found=True)
        return flush(outbox, send, now) if listeners.alerts else []
    except SluiceError as unreadable:
        return [unreadable.page()]


_TROUBLES: Mapping[str, Trouble] = {"skipped": "skipped", "held": "held", "cancelled": "cancelled"}
"""The kind of notice by a run's outcome; every other outcome is a failure."""


async def late(export: str, context: Mapping[str, Any]) -> None:
    """The callback for a run that has not ended in time. The triggerer calls it by its import path."""
    from asgiref.sync import sync_to_async

    await sync_to_async(_late, thread_sensitive=False)(export, context["dag_run"])


def _late(name: str, dag_run: Mapping[str, Any]) -> None:
    from sluice.definition.declarations import Declarations
    from sluice.definition.load import find

    project, export = find(Declarations(include_folder()), name)
    conf = dag_run.get("conf") or {}
    if export.late_after is None or conf.get("dry_run") or conf.get("verify"):
        return
    late_by = spell_duration(export.late_after)
    page = f"it has not finished {late_by} after it was queued\n  next: check what it is waiting for"
    run_id, backfill = dag_run["dag_run_id"], dag_run.get("run_type") == "backfill"
    news = News(name, run_id, "late", page, _link(dag_run["dag_id"], run_id), backfill=backfill)
    _tell(Listeners.of(export, project.settings), news)


def _tell(listeners: Listeners, news: News) -> None:
    outbox = Outbox.of(listeners.staging, listeners.name, AirflowConnections())
    _log(notify(listeners.alerts, news, outbox, send, datetime.now(UTC)))


def _log(failures: Sequence[str]) -> None:
    for page in failures:
        log.error("a notice was not sent or not recorded: %s", page)


def carries(alert: Alert, export: str) -> str:
    """The type of the alert's Airflow connection. Raises `DefinitionError` if it is missing or cannot send notices, or
    if mail has no recipient."""
    try:
        conn_type = AirflowConnections().type_of(alert.to)
    except DefinitionError:
        raise DefinitionError(
            f"there is no Airflow connection {alert.to} for the alerts of {export}",
            next_step="add it in Airflow under Admin, Connections, or with"
            f" `sluice airflow connections add {alert.to} --conn-type http --conn-host https://hooks.example.com "
            "--conn-password SECRET/PATH`",
        ) from None
    if conn_type not in _CARRIERS:
        raise DefinitionError(
            f"the Airflow connection {alert.to} is of type {conn_type}, which cannot send alerts", known=[*_CARRIERS]
        )
    if conn_type == "http":
        Webhook.of(AirflowConnections().raw(alert.to))
    if conn_type == "smtp" and not alert.email:
        raise DefinitionError(
            f"alerts of {export} go by mail through {alert.to}, but have no recipient",
            next_step="add `email: [someone@example.com]` to the alert",
        )
    return conn_type


def send(alert: Alert, notice: Notice) -> None:
    """Send a notice through its connection. Raises what `carries` raises, and `RetriableError` if the notice could not
    be sent. The error quotes nothing from a client, because that may contain a secret address."""
    carry = _CARRIERS[carries(alert, notice.export)]
    try:
        carry(alert, notice)
    except DefinitionError:
        raise
    except Exception as error:
        why = str(error) if isinstance(error, RefusedNoticeError) else type(error).__name__
        raise RetriableError(
            f"the Airflow connection {alert.to} could not send the notice `{notice.subject}`: {why}",
            next_step="check the connection; the next run sends the notice again, and so does `sluice clean`",
        ) from None


def _webhook(alert: Alert, notice: Notice) -> None:
    Webhook.of(AirflowConnections().raw(alert.to)).post(notice.model_dump(mode="json"))


def _mail(alert: Alert, notice: Notice) -> None:
    from airflow.providers.smtp.notifications.smtp import SmtpNotifier

    body = f"<pre>{html.escape(notice.text)}</pre>"
    subject = f"Sluice: {notice.subject}"
    SmtpNotifier(smtp_conn_id=alert.to, to=list(alert.email), subject=subject, html_content=body).notify({})


_CARRIERS: dict[str, Callable[[Alert, Notice], None]] = {"http": _webhook, "smtp": _mail}
"""The function that sends a notice, by the type of the Airflow connection."""


def _link(dag_id: str, run_id: str) -> str:
    from airflow.sdk import conf

    base = conf.get("api", "base_url", fallback="") or ""
    return f"{base.rstrip('/')}/dags/{dag_id}/runs/{quote(run_id, safe='')}" if base else ""
