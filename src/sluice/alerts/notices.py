"""Alerts: each receiver gets one notice for each change in how an export's runs end."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import uuid4

from pydantic import AwareDatetime, BaseModel, ConfigDict

from sluice.definition.models.alerts import Alert, Event, Trouble

LEASE = timedelta(minutes=2)
"""How long the process that has recorded a notice has to send it, before other processes try."""
_MOST = 50
"""Notices of one export that wait, and as many that were sent; beyond that, the oldest are dropped."""
_ENDS = 20
"""Ended runs that are remembered."""
_LINES = 12
_WIDEST = 300
_SAYS: Mapping[Event, str] = {
    "failed": "has failed",
    "held": "is held",
    "cancelled": "was cancelled",
    "skipped": "was skipped",
    "warning": "was delivered with warnings",
    "late": "is late",
    "recovered": "has recovered",
}


@dataclass(frozen=True)
class News:
    """How a run ended, or that it is late."""

    export: str
    run_id: str
    trouble: Trouble | None
    """None if the run succeeded."""
    page: str = ""
    """The cause, if it is known, and what to do next: an error's page, or warnings. Never a secret."""
    link: str = ""
    """The run in Airflow."""
    found: bool = False
    """Found by another run: the run's own last task may have sent a notice already."""
    backfill: bool = False
    """Backfills are tracked separately: a failed backfill does not hide that scheduled runs succeed."""


class Notice(BaseModel):
    """What a receiver gets: a small page. As JSON it is the body of a webhook; chat programs show its `text`."""

    model_config = ConfigDict(frozen=True)

    event: Event
    export: str
    run_id: str
    subject: str
    text: str
    link: str

    @classmethod
    def of(cls, event: Event, news: News) -> Notice:
        name = f"the backfill of {news.export}" if news.backfill else news.export
        subject = f"{name} {_SAYS[event]}"
        parts = [subject, f"  run: {news.run_id}", *_first_lines(news.page)]
        parts += [f"  see: {news.link}"] if news.link else []
        text = "\n".join(parts)
        return cls(event=event, export=news.export, run_id=news.run_id, subject=subject, text=text, link=news.link)


class Waiting(BaseModel):
    """A notice that has not been sent yet."""

    model_config = ConfigDict(frozen=True)

    id: str
    alert: Alert
    notice: Notice
    taken_until: AwareDatetime | None = None
    """Until then, only the process that has recorded the notice sends it."""


class Sent(BaseModel):
    """A notice that a receiver got."""

    model_config = ConfigDict(frozen=True)

    at: AwareDatetime
    event: Event
    to: str
    """The Airflow connection that carried it."""
    subject: str
    run_id: str


class Notified(BaseModel):
    """What the receivers of one export's notices know, including the notices that wait to be sent."""

    model_config = ConfigDict(frozen=True)

    runs: dict[str, Trouble] = {}
    """By receiver: the last trouble it was notified of, if no run has succeeded since."""
    backfills: dict[str, Trouble] = {}
    ended: tuple[str, ...] = ()
    """The runs that ended last. A late notice for one of them is dropped: the triggerer may report it after the end."""
    waiting: tuple[Waiting, ...] = ()
    """In sending order."""
    history: tuple[Sent, ...] = ()
    """The notices that were sent last, newest last."""

    def after(self, alerts: Sequence[Alert], news: News, now: datetime) -> Notified:
        """Add the notices that are due for `news`; drop waiting notices of receivers that are no longer declared."""
        if news.run_id in self.ended and (news.trouble == "late" or news.found):
            return self
        known = dict(self.backfills if news.backfill else self.runs)
        waiting = [one for one in self.waiting if one.alert.receiver in {alert.receiver for alert in alerts}]
        for alert in alerts:
            event = due(alert, known.get(alert.receiver), news.trouble)
            if event is not None:
                notice = Notice.of(event, news)
                waiting.append(Waiting(id=uuid4().hex, alert=alert, notice=notice, taken_until=now + LEASE))
            if news.trouble is not None and event is not None:
                known[alert.receiver] = news.trouble
        if news.trouble is None:
            known = {}
        update = {"backfills" if news.backfill else "runs": known}
        ends = (
            self.ended if news.trouble == "late" else (*(run for run in self.ended if run != news.run_id), news.run_id)
        )
        return self.model_copy(update=update | {"ended": ends[-_ENDS:], "waiting": tuple(waiting[-_MOST:])})

    def sent(self, ids: Sequence[str], failed: Sequence[str], now: datetime) -> Notified:
        """Move the notices `ids`, which were sent, to the history; release those that `failed` for any process to
        send."""
        got = (one for one in self.waiting if one.id in ids)
        history = (*self.history, *(_sent(one, now) for one in got))
        left = (one for one in self.waiting if one.id not in ids)
        free = (one.model_copy(update={"taken_until": None}) if one.id in failed else one for one in left)
        return self.model_copy(update={"waiting": tuple(free), "history": history[-_MOST:]})


def _sent(one: Waiting, now: datetime) -> Sent:
    notice = one.notice
    return Sent(at=now, event=notice.event, to=one.alert.to, subject=notice.subject, run_id=notice.run_id)


def due(alert: Alert, known: Trouble | None, trouble: Trouble | None) -> Event | None:
    """The event to notify a receiver of, which already knows of `known`; None if there is nothing new."""
    if trouble is None:
        return "recovered" if known is not None and "recovered" in alert.on else None
    return trouble if trouble != known and trouble in alert.on else None


def _first_lines(page: str) -> list[str]:
    lines = [line[:_WIDEST] for line in page.splitlines()]
    return [f"  {line}" for line in [*lines[:_LINES], *(["..."] if len(lines) > _LINES else [])]]
