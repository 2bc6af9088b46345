"""Alerts: each change is told once, to those who asked for it, and what could not be told is told later."""

from __future__ import annotations

from itertools import count, groupby
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sluice.definition.alerts import Alert, Event, Trouble
from sluice.definition.project import Staging
from sluice.delivery.alerts import Memory, News, Notice, due, tell
from sluice.errors import RetriableError
from tests.builders import World

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
    return tell(alerts or (OPS,), news, Memory(Staging(), "orders", world), receivers.send)


def test_a_failure_that_goes_on_is_told_once_and_its_end_once(world: World) -> None:
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


def test_that_a_run_is_late_is_no_news_once_its_end_was_told(world: World) -> None:
    receivers = Receivers()
    ended(world, receivers, None, ALL, run_id="r1")
    ended(world, receivers, "late", ALL, run_id="r1")
    assert receivers.got == []
    ended(world, receivers, "late", ALL, run_id="r2")
    ended(world, receivers, None, ALL, run_id="r2")
    assert receivers.got == [("all", "late"), ("all", "recovered")]


def test_who_was_told_of_no_trouble_is_told_of_no_recovery(world: World) -> None:
    receivers = Receivers()
    ended(world, receivers, "skipped")
    ended(world, receivers, None)
    assert receivers.got == []


def test_who_is_no_longer_told_starts_anew_when_asked_again(world: World) -> None:
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


def test_a_recovery_that_was_not_heard_is_told_after_the_next_run(world: World) -> None:
    receivers = Receivers()
    ended(world, receivers, "failed")
    receivers.down = {"ops"}
    ended(world, receivers, None)
    receivers.down = set()
    ended(world, receivers, None)
    ended(world, receivers, None)
    assert receivers.got == [("ops", "failed"), ("ops", "recovered")]


def test_backfills_are_told_of_apart(world: World) -> None:
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


def test_a_notice_is_sent_though_staging_is_out_of_reach(world: World) -> None:
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


@given(st.lists(st.sampled_from([None, *TROUBLES]), max_size=30))
def test_who_asks_for_all_hears_each_change_once(troubles: list[Trouble | None]) -> None:
    heard: Trouble | None = None
    told: list[Event] = []
    for trouble in troubles:
        event = due(ALL, heard, trouble)
        told += [event] if event else []
        heard = trouble
    changes: list[Event] = [trouble or "recovered" for trouble, _ in groupby(troubles)]
    assert told == (changes[1:] if changes[:1] == ["recovered"] else changes)
