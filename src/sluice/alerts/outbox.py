"""The outbox of an export's notices, in staging: `deliveries/<export>/alerts/`.

What everyone has heard, and what waits to be sent, is one value; each change of it is the next entry of a log
(`commit/log.py`), so that two processes never overwrite each other. A notice is put down before it is sent and taken
out afterwards: a process that dies in between leaves it to the next one. So a notice may come twice, and none is lost.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from datetime import datetime
from functools import partial

from sluice.alerts.notices import News, Notice, Told
from sluice.definition.models.alerts import Alert
from sluice.definition.models.project import Staging
from sluice.delivery.commit.log import Folder, Log
from sluice.delivery.staging import delivered_before
from sluice.errors import SluiceError
from sluice.model.access import Connections

Send = Callable[[Alert, Notice], None]
_KEPT = 10
"""Entries of the log; only the last one counts."""


class Outbox:
    """What one export's receivers have heard and are to hear. Every call raises what staging does."""

    def __init__(self, folder: Folder) -> None:
        self._log = Log(folder)

    @classmethod
    def of(cls, staging: Staging, export: str, connections: Connections) -> Outbox:
        return cls(delivered_before(staging, export, connections).below("alerts"))

    def told(self) -> Told:
        """As it is now."""
        return self._last()[1]

    def change(self, act: Callable[[Told], Told]) -> Told:
        """Change it, from whatever it is when the change is made. What it is then."""
        while True:
            number, told = self._last()
            after = act(told)
            if after == told:
                return told
            if self._log.append(number + 1, after.model_dump_json().encode(), anchor=number or 1):
                self._log.remove([old for old in self._log.numbers() if old <= number - _KEPT])
                return after

    def _last(self) -> tuple[int, Told]:
        for number in reversed(self._log.numbers()):
            if (body := self._log.read(number)) is not None:
                return number, Told.model_validate_json(body)
        return 0, Told()


def tell(alerts: Sequence[Alert], news: News, outbox: Outbox, send: Send, now: datetime) -> list[str]:
    """Put down what is due, and send it with all that waits; the pages of what kept a notice from being sent.

    Where staging cannot be written, every trouble is told: twice is better than never."""
    failures: list[str] = []
    before: list[Told] = []

    def with_news(told: Told) -> Told:
        before[:] = [told]
        return told.after(alerts, news, now)

    with _noting(failures):
        after = outbox.change(with_news)
        known = {one.id for one in before[0].waiting}
        return flush(outbox, send, now, mine={one.id for one in after.waiting} - known)
    for one in Told().after(alerts, news, now).waiting:
        with _noting(failures):
            send(one.alert, one.notice)
    return failures


def flush(outbox: Outbox, send: Send, now: datetime, mine: set[str] | None = None) -> list[str]:
    """Send what waits and is nobody else's to send; `mine` are the notices that this process has put down. The pages
    of what kept one from being sent: it waits on, and so does what follows it to the same receiver."""
    failures: list[str] = []
    sent, failed, down = list[str](), list[str](), set[str]()
    for one in outbox.told().waiting:
        taken = one.taken_until is not None and one.taken_until > now and one.id not in (mine or ())
        if taken:
            continue
        failed.append(one.id)
        if one.alert.receiver in down:
            continue
        down.add(one.alert.receiver)
        with _noting(failures):
            send(one.alert, one.notice)
            down.remove(one.alert.receiver)
            sent.append(failed.pop())
    with _noting(failures):
        outbox.change(partial(Told.sent, ids=sent, failed=failed))
    return failures


@contextmanager
def _noting(failures: list[str]) -> Iterator[None]:
    try:
        yield
    except SluiceError as error:
        failures.append(error.page())
    except Exception as unforeseen:  # a notice never changes how a run ends
        failures.append(f"an error that nobody foresaw: {type(unforeseen).__name__}")
