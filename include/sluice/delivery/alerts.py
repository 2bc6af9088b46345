"""Alerts: what has become of an export, told once for each change to everyone who asked to hear of it.

What each receiver has heard last is kept in staging, `deliveries/<export>/alerts.json`. It changes only once a notice
has left: one that could not be sent is sent after the next run, if the trouble is still there.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass

from pydantic import BaseModel, ConfigDict

from sluice.definition.alerts import Alert, Event, Trouble
from sluice.definition.project import Staging
from sluice.errors import SluiceError
from sluice.filesystem import Opened, open_filesystem
from sluice.model.access import Connections

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


class Heard(BaseModel):
    """The trouble that each receiver was told of last and that, as far as it knows, goes on."""

    model_config = ConfigDict(frozen=True)

    runs: dict[str, Trouble] = {}
    backfills: dict[str, Trouble] = {}
    ended: str = ""
    """The run whose end was told last: that it is late is no news, though the triggerer may say so only then."""


def due(alert: Alert, heard: Trouble | None, trouble: Trouble | None) -> Event | None:
    """What a receiver is to be told, who has `heard` of a trouble before; None for nothing."""
    if trouble is None:
        return "recovered" if heard is not None and "recovered" in alert.on else None
    return trouble if trouble != heard and trouble in alert.on else None


class Memory:
    """What an export's receivers have heard, in staging."""

    def __init__(self, staging: Staging, export: str, connections: Connections) -> None:
        self._staging = staging
        self._folder = f"{staging.path}/deliveries/{export}".lstrip("/")
        self._connections = connections

    def read(self) -> Heard:
        body = self._opened().find_bytes("alerts.json")
        return Heard.model_validate_json(body) if body else Heard()

    def write(self, heard: Heard) -> None:
        self._opened().write_bytes("alerts.json", heard.model_dump_json().encode())

    def _opened(self) -> Opened:
        return open_filesystem(self._connections, self._staging.airflow_conn_id, self._folder)


def tell(alerts: Sequence[Alert], news: News, memory: Memory, send: Callable[[Alert, Notice], None]) -> list[str]:
    """Send the notices that are due; the pages of what kept one from being sent, or from being remembered.

    Where staging cannot be read, every trouble is told: twice is better than never."""
    failures: list[str] = []
    heard = Heard()
    with _noting(failures):
        heard = memory.read()
    if news.trouble == "late" and news.run_id == heard.ended:
        return failures
    known = dict(heard.backfills if news.backfill else heard.runs)
    for alert in alerts:
        with _noting(failures):
            _tell(alert, news, known, send)
    if news.trouble is None:
        # Whoever is no longer told has heard nothing: asked again, they are told of what there is then.
        known = {receiver: known[receiver] for receiver in known.keys() & {alert.receiver for alert in alerts}}
    ended = heard.ended if news.trouble == "late" else news.run_id
    now = heard.model_copy(update={"backfills" if news.backfill else "runs": known, "ended": ended})
    if now != heard:
        with _noting(failures):
            memory.write(now)
    return failures


@contextmanager
def _noting(failures: list[str]) -> Iterator[None]:
    try:
        yield
    except SluiceError as error:
        failures.append(error.page())


def _tell(alert: Alert, news: News, known: dict[str, Trouble], send: Callable[[Alert, Notice], None]) -> None:
    event = due(alert, known.get(alert.receiver), news.trouble)
    if event is not None:
        send(alert, Notice.of(event, news))
    if news.trouble is None:
        known.pop(alert.receiver, None)
    elif event is not None:
        known[alert.receiver] = news.trouble


def _first_lines(page: str) -> list[str]:
    lines = [line[:_WIDEST] for line in page.splitlines()]
    return [f"  {line}" for line in [*lines[:_LINES], *(["..."] if len(lines) > _LINES else [])]]
