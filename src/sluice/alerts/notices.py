"""Alerts: what has become of an export, told once for each change to everyone who asked to hear of it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import uuid4

from pydantic import AwareDatetime, BaseModel, ConfigDict

from sluice.definition.models.alerts import Alert, Event, Trouble

TURN = timedelta(minutes=2)
"""How long whoever has put a notice down may take to send it, before others try."""
_MOST = 50
"""Notices that wait for one export; of more, the oldest go."""
_ENDS = 20
"""Runs whose ends are remembered."""
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
    """What a run has come to."""

    export: str
    run_id: str
    trouble: Trouble | None
    """None where the run ended well."""
    page: str = ""
    """What is known of the cause, and what to do next: an error's page, warnings. Never a secret."""
    link: str = ""
    """The run in Airflow."""
    found: bool = False
    """Found by another run: its own last task may have told of it already."""
    backfill: bool = False
    """Backfills are told of apart: one that fails does not hide that the schedule's runs are well."""


class Notice(BaseModel):
    """What a receiver gets: a small page. As JSON it is the body of a webhook, whose `text` chat programs show."""

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
    """A notice that has not left yet."""

    model_config = ConfigDict(frozen=True)

    id: str
    alert: Alert
    notice: Notice
    taken_until: AwareDatetime | None = None
    """Whoever put it down is sending it until then."""


class Told(BaseModel):
    """What the receivers of one export's notices have heard, or will as soon as their notices have left."""

    model_config = ConfigDict(frozen=True)

    runs: dict[str, Trouble] = {}
    """The trouble that each receiver was told of last and that, as far as it knows, goes on."""
    backfills: dict[str, Trouble] = {}
    ended: tuple[str, ...] = ()
    """The runs whose ends were told last: that one of them is late is no news, though the triggerer may say so only
    then."""
    waiting: tuple[Waiting, ...] = ()
    """In the order in which they are to be sent."""

    def after(self, alerts: Sequence[Alert], news: News, now: datetime) -> Told:
        """With what these news give everyone to hear. Whoever is no longer told has heard nothing, and gets nothing."""
        if news.run_id in self.ended and (news.trouble == "late" or news.found):
            return self
        known = dict(self.backfills if news.backfill else self.runs)
        waiting = [one for one in self.waiting if one.alert.receiver in {alert.receiver for alert in alerts}]
        for alert in alerts:
            event = due(alert, known.get(alert.receiver), news.trouble)
            if event is not None:
                notice = Notice.of(event, news)
                waiting.append(Waiting(id=uuid4().hex, alert=alert, notice=notice, taken_until=now + TURN))
            if news.trouble is not None and event is not None:
                known[alert.receiver] = news.trouble
        if news.trouble is None:
            known = {}
        heard = {"backfills" if news.backfill else "runs": known}
        ends = (
            self.ended if news.trouble == "late" else (*(run for run in self.ended if run != news.run_id), news.run_id)
        )
        return self.model_copy(update=heard | {"ended": ends[-_ENDS:], "waiting": tuple(waiting[-_MOST:])})

    def sent(self, ids: Sequence[str], failed: Sequence[str]) -> Told:
        """Without the notices that have left; those that have not are anybody's."""
        left = (one for one in self.waiting if one.id not in ids)
        free = (one.model_copy(update={"taken_until": None}) if one.id in failed else one for one in left)
        return self.model_copy(update={"waiting": tuple(free)})


def due(alert: Alert, heard: Trouble | None, trouble: Trouble | None) -> Event | None:
    """What a receiver is to be told, who has `heard` of a trouble before; None for nothing."""
    if trouble is None:
        return "recovered" if heard is not None and "recovered" in alert.on else None
    return trouble if trouble != heard and trouble in alert.on else None


def _first_lines(page: str) -> list[str]:
    lines = [line[:_WIDEST] for line in page.splitlines()]
    return [f"  {line}" for line in [*lines[:_LINES], *(["..."] if len(lines) > _LINES else [])]]
