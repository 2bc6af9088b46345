"""Alerts: each receiver gets one notice for each change; a notice that could not be sent is sent later."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from itertools import count, groupby
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sluice.alerts.notices import LEASE, News, Notice, Notified, due
from sluice.alerts.outbox import Outbox, flush, notify
from sluice.definition.models.alerts import Alert, Event, Trouble
from sluice.definition.models.project import Staging
from sluice.errors import RetriableError
from tests.builders import NOW, World

EVENTS: tuple[Event, ...] = ("failed", "held", "cancelled", "skipped", "warning", "late", "recovered")
TROUBLES: tuple[Trouble, ...] = ("failed", "held", "cancelled", "skipped", "warning", "late")
OPS = Alert(to="ops")
ALL = Alert(to="all", on=EVENTS)


NUMBERS = count()


class Receivers:
    """Keeps what was sent; `down` do not answer."""

    def __init__(self) -> None:
        self.got: list[tuple[str, Event]] = []
        self.notices: list[Notice] = []
        self.down: set[str] = set()

    def send(self, alert: Alert, notice: Notice) -> None:
        if alert.to in self.down:
            raise RetriableError(f"{alert.to} does not answer")
        self.got.append((alert.to, notice.event))
        self.notices.append(notice)


@pytest.fixture
def world(tmp_path: Path) -> World:
    return World(tmp_path)


def ended(
    world: World,
    receivers: Receivers,
    trouble: Trouble | None,
    *alerts: Alert,
    backfill: bool = False,
    page: str = "",
    run_id: str = "",
) -> list[str]:
    news = News(
        "orders", run_id or f"manual__{next(NUMBERS)}", trouble, page=page, link="http://airflow/run", backfill=backfill
    )
    return notify(alerts or (OPS,), news, outbox(world), receivers.send, NOW)


def outbox(world: World) -> Outbox:
    return Outbox.of(Staging(), "orders", world)


def test_a_failure_that_continues_is_sent_once_and_so_is_its_end(world: World) -> None:
    receivers = Receivers()
    for trouble in (None, "failed", "failed", None, None, "failed"):
        assert ended(world, receivers, trouble) == []
    assert receivers.got == [("ops", "failed"), ("ops", "recovered"), ("ops", "failed")]


def test_everyone_hears_what_they_asked_for(world: World) -> None:
    receivers = Receivers()
    late = Alert(to="late", on=("late",))
    for trouble in ("late", "failed", "skipped", None):
        ended(world, receivers, trouble, OPS, ALL, late)
    assert [event for to, event in receivers.got if to == "ops"] == ["failed", "recovered"]
    assert [event for to, event in receivers.got if to == "all"] == ["late", "failed", "skipped", "recovered"]
    assert [event for to, event in receivers.got if to == "late"] == ["late"]


def test_a_late_notice_after_the_end_of_the_run_is_dropped(world: World) -> None:
    receivers = Receivers()
    ended(world, receivers, None, ALL, run_id="r1")
    ended(world, receivers, "late", ALL, run_id="r1")
    assert receivers.got == []
    ended(world, receivers, "late", ALL, run_id="r2")
    ended(world, receivers, None, ALL, run_id="r2")
    assert receivers.got == [("all", "late"), ("all", "recovered")]


def test_without_a_trouble_there_is_no_recovery(world: World) -> None:
    receivers = Receivers()
    ended(world, receivers, "skipped")
    ended(world, receivers, None)
    assert receivers.got == []


def test_a_receiver_that_is_declared_again_starts_without_history(world: World) -> None:
    receivers = Receivers()
    runs: list[tuple[Trouble | None, Alert]] = [("failed", OPS), (None, ALL), ("failed", OPS)]
    for trouble, alert in runs:
        ended(world, receivers, trouble, alert)
    assert receivers.got == [("ops", "failed"), ("ops", "failed")]


def test_a_receiver_that_is_down_hears_it_after_the_next_run_and_the_others_at_once(world: World) -> None:
    receivers = Receivers()
    receivers.down = {"ops"}
    (page,) = ended(world, receivers, "failed", OPS, ALL)
    assert "ops does not answer" in page
    receivers.down = set()
    ended(world, receivers, "failed", OPS, ALL)
    assert receivers.got == [("all", "failed"), ("ops", "failed")]


def test_a_recovery_that_was_not_sent_is_sent_after_the_next_run(world: World) -> None:
    receivers = Receivers()
    ended(world, receivers, "failed")
    receivers.down = {"ops"}
    ended(world, receivers, None)
    receivers.down = set()
    ended(world, receivers, None)
    ended(world, receivers, None)
    assert receivers.got == [("ops", "failed"), ("ops", "recovered")]


def test_a_failure_that_was_not_sent_is_sent_although_the_export_has_recovered(world: World) -> None:
    receivers = Receivers()
    receivers.down = {"ops"}
    ended(world, receivers, "failed", OPS, ALL)
    ended(world, receivers, None, OPS, ALL)
    assert receivers.got == [("all", "failed"), ("all", "recovered")]
    receivers.down = set()
    assert flush(outbox(world), receivers.send, NOW) == []
    assert receivers.got[2:] == [("ops", "failed"), ("ops", "recovered")]
    assert outbox(world).notified().waiting == ()


def test_one_that_dies_while_it_sends_leaves_the_notice_to_the_next(world: World) -> None:
    class Killed(BaseException):
        pass

    def die(alert: Alert, notice: Notice) -> None:
        raise Killed

    news = News("orders", "r1", "failed")
    with pytest.raises(Killed):
        notify((OPS,), news, outbox(world), die, NOW)
    receivers = Receivers()
    assert flush(outbox(world), receivers.send, NOW) == [], "it may still be at it"
    assert receivers.got == []
    assert flush(outbox(world), receivers.send, NOW + 2 * LEASE) == []
    assert receivers.got == [("ops", "failed")]


def test_concurrent_notifications_lose_nothing(world: World) -> None:
    """A run, a backfill and the triggerer change the outbox at the same time."""
    receivers = Receivers()

    def notify_one(number: int) -> None:
        news = News("orders", f"r{number}", "failed", backfill=number % 2 == 1)
        assert notify((OPS, ALL), news, outbox(world), receivers.send, NOW) == []

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(notify_one, range(8)))
    for to in ("ops", "all"):
        assert [event for receiver, event in receivers.got if receiver == to] == ["failed"] * 2, "a run's, a backfill's"
    notified = outbox(world).notified()
    assert (notified.runs, notified.backfills) == ({"ops": "failed", "all": "failed"},) * 2
    assert sorted(notified.ended) == [f"r{number}" for number in range(8)]
    assert notified.waiting == ()


def test_the_end_of_a_run_that_another_run_finds_is_sent_once(world: World) -> None:
    receivers = Receivers()
    for found in (False, True):
        news = News("orders", "r1", "failed" if found else None, found=found)
        notify((ALL,), news, outbox(world), receivers.send, NOW)
    assert receivers.got == []
    notify((ALL,), News("orders", "r2", "failed", found=True), outbox(world), receivers.send, NOW)
    assert receivers.got == [("all", "failed")]


@pytest.mark.slow
def test_the_outbox_does_not_grow_for_ever(world: World) -> None:
    receivers = Receivers()
    receivers.down = {"ops"}
    notified = Notified()
    for number in range(100):
        notified = notified.after((OPS,), News("orders", f"r{number}", None if number % 2 else "failed"), NOW)
    assert len(notified.waiting) == 50
    for number in range(20):
        ended(world, receivers, "failed" if number % 2 else None)
    assert len(list((world.root / "sluice_staging").rglob("alerts/*/entry.json"))) <= 12


def test_backfills_are_tracked_separately(world: World) -> None:
    receivers = Receivers()
    ended(world, receivers, "failed")
    ended(world, receivers, "failed", backfill=True)
    ended(world, receivers, None, backfill=True)
    ended(world, receivers, "failed")
    assert [notice.subject for notice in receivers.notices] == [
        "orders has failed",
        "the backfill of orders has failed",
        "the backfill of orders has recovered",
    ]


def test_a_notice_is_sent_although_staging_is_out_of_reach(world: World) -> None:
    (world.root / "sluice_staging").write_text("a file where the folder was")
    receivers = Receivers()
    pages = ended(world, receivers, "failed")
    assert receivers.got == [("ops", "failed")]
    assert "sluice_staging" in pages[0]


def test_a_notice_is_a_small_page(world: World) -> None:
    receivers = Receivers()
    page = "drop/orders is not there\n  next: make it\n" + "\n".join("x" * 1000 for _ in range(100))
    ended(world, receivers, "failed", page=page, run_id="manual__1")
    (notice,) = receivers.notices
    lines = notice.text.splitlines()
    assert lines[:4] == ["orders has failed", "  run: manual__1", "  drop/orders is not there", "    next: make it"]
    assert lines[-2:] == ["  ...", "  see: http://airflow/run"]
    assert len(notice.text) < 5000
    assert notice.model_dump().keys() == {"event", "export", "run_id", "subject", "text", "link"}


@pytest.mark.slow
@given(st.lists(st.sampled_from([None, *TROUBLES]), max_size=30))
def test_who_asks_for_all_hears_each_change_once(troubles: list[Trouble | None]) -> None:
    heard: Trouble | None = None
    sent: list[Event] = []
    for trouble in troubles:
        event = due(ALL, heard, trouble)
        sent += [event] if event else []
        heard = trouble
    changes: list[Event] = [trouble or "recovered" for trouble, _ in groupby(troubles)]
    assert sent == (changes[1:] if changes[:1] == ["recovered"] else changes)


def test_what_was_sent_is_remembered_and_what_failed_is_not(world: World) -> None:
    receivers = Receivers()
    receivers.down = {"ops"}
    ended(world, receivers, "failed", OPS, ALL, run_id="r1")
    (sent,) = outbox(world).notified().history
    assert (sent.at, sent.to, sent.event, sent.run_id) == (NOW, "all", "failed", "r1")
    assert sent.subject == "orders has failed"
    receivers.down = set()
    flush(outbox(world), receivers.send, NOW)
    assert [one.to for one in outbox(world).notified().history] == ["all", "ops"]
