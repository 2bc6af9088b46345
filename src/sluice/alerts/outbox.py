"""The outbox of an export's notices, in staging: `deliveries/<export>/alerts/`.

What the receivers know and what waits to be sent is one value. Each change of it is the next entry of a log
(`commit/log.py`), so two processes never overwrite each other. A process records a notice before it sends it, and
removes it afterwards; if it dies in between, the next process sends the notice. So a notice may arrive twice, but none
is lost.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from datetime import datetime
from functools import partial

from sluice.alerts.notices import News, Notice, Notified
from sluice.definition.models.alerts import Alert
from sluice.definition.models.project import Staging
from sluice.delivery.commit.log import Folder, Log
from sluice.delivery.staging import delivered_before
from sluice.errors import SluiceError
from sluice.model.access import Connections

Send = Callable[[Alert, Notice], None]
_KEPT = 10
"""Log entries that are kept; only the last one counts."""


class Outbox:
    """The notices of one export, sent and waiting. Every call raises the errors of staging."""

    def __init__(self, folder: Folder) -> None:
        self._log = Log(folder)

    @classmethod
    def of(cls, staging: Staging, export: str, connections: Connections) -> Outbox:
        return cls(delivered_before(staging, export, connections).below("alerts"))

    def notified(self) -> Notified:
        """The current value."""
        return self._last()[1]

    def change(self, act: Callable[[Notified], Notified]) -> Notified:
        """Apply `act` to the current value; again if another process changes it meanwhile. Returns the new value."""
        while True:
            number, before = self._last()
            after = act(before)
            if after == before:
                return before
            if self._log.append(number + 1, after.model_dump_json().encode(), anchor=number or 1):
                self._log.remove([old for old in self._log.numbers() if old <= number - _KEPT])
                return after

    def _last(self) -> tuple[int, Notified]:
        for number in reversed(self._log.numbers()):
            if (body := self._log.read(number)) is not None:
                return number, Notified.model_validate_json(body)
        return 0, Notified()


def notify(alerts: Sequence[Alert], news: News, outbox: Outbox, send: Send, now: datetime) -> list[str]:
    """Record the notices that are due, and send them with all others that wait. Returns the pages of errors in sending.

    If staging cannot be written, every trouble is sent: a notice that arrives twice is better than none."""
    failures: list[str] = []
    before: list[Notified] = []

    def with_news(notified: Notified) -> Notified:
        before[:] = [notified]
        return notified.after(alerts, news, now)

    with _collecting(failures):
        after = outbox.change(with_news)
        known = {one.id for one in before[0].waiting}
        return flush(outbox, send, now, mine={one.id for one in after.waiting} - known)
    for one in Notified().after(alerts, news, now).waiting:
        with _collecting(failures):
            send(one.alert, one.notice)
    return failures


def flush(outbox: Outbox, send: Send, now: datetime, mine: set[str] | None = None) -> list[str]:
    """Send the waiting notices, except those that another process is sending; `mine` are the ids of those that this
    process has recorded. Returns the pages of errors. A notice that fails keeps waiting, and so do the later ones
    to the same receiver."""
    failures: list[str] = []
    sent, failed, down = list[str](), list[str](), set[str]()
    for one in outbox.notified().waiting:
        taken = one.taken_until is not None and one.taken_until > now and one.id not in (mine or ())
        if taken:
            continue
        failed.append(one.id)
        if one.alert.receiver in down:
            continue
        down.add(one.alert.receiver)
        with _collecting(failures):
            send(one.alert, one.notice)
            down.remove(one.alert.receiver)
            sent.append(failed.pop())
    with _collecting(failures):
        outbox.change(partial(Notified.sent, ids=sent, failed=failed, now=now))
    return failures


@contextmanager
def _collecting(failures: list[str]) -> Iterator[None]:
    try:
        yield
    except SluiceError as error:
        failures.append(error.page())
    except Exception as unforeseen:  # a notice never changes how a run ends
        failures.append(f"an unexpected error: {type(unforeseen).__name__}")
