"""What waiting runs share, and when they may not."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from sluice.airflow.record import Ended
from sluice.airflow.triggers import answers as answers_module
from sluice.airflow.triggers import refreshes as module
from sluice.airflow.triggers.answers import SharedAnswers
from sluice.airflow.triggers.refreshes import RefreshesIdleTrigger, describe, stale

NOW = datetime.now(UTC)


class Upstream:
    """An Airflow with some active runs, which counts how often it is asked."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, **runs: list[str]) -> None:
        self.runs = runs
        self.asked = 0
        self.ended: Ended | None = None
        monkeypatch.setattr(answers_module, "count_runs", self.count)
        monkeypatch.setattr(module, "alast", self.last)
        monkeypatch.setattr(module, "ANSWERS", SharedAnswers())

    async def count(self, dag_id: str, states: Any, run_ids: Any = None) -> int:
        self.asked += 1
        await asyncio.sleep(0)
        return len([run for run in self.runs[dag_id] if run_ids is None or run in run_ids])

    async def last(self, outcome: str) -> Ended | None:
        assert outcome == "succeeded"
        return self.ended


def trigger(ignored: tuple[str, ...] = (), deadline: float = 60, **words: Any) -> RefreshesIdleTrigger:
    refreshes = {"system_refresh": {"states": ["queued", "running"], "ignored": list(ignored)}}
    now = datetime.now(UTC)
    given = {"begins": now.isoformat(), "deadline": (now + timedelta(seconds=deadline)).isoformat(), **words}
    return RefreshesIdleTrigger(refreshes, poll=0.05, **given)


async def fired(waiting: RefreshesIdleTrigger) -> dict[str, Any]:
    event = await anext(waiting.run())
    payload: dict[str, Any] = event.payload
    return payload


def test_it_waits_until_the_refresh_has_ended(monkeypatch: pytest.MonkeyPatch) -> None:
    upstream = Upstream(monkeypatch, system_refresh=["a"])

    async def scene() -> None:
        waiting = asyncio.create_task(fired(trigger()))
        await asyncio.sleep(0.2)
        assert not waiting.done()
        upstream.runs["system_refresh"].clear()
        assert await asyncio.wait_for(waiting, 5) == {"status": "idle"}

    asyncio.run(scene())


def test_its_parent_is_not_waited_for_and_another_run_is(monkeypatch: pytest.MonkeyPatch) -> None:
    Upstream(monkeypatch, system_refresh=["parent"])
    assert asyncio.run(fired(trigger(ignored=("parent",))))["status"] == "idle"
    Upstream(monkeypatch, system_refresh=["parent", "next"])
    assert asyncio.run(fired(trigger(ignored=("parent",), deadline=0)))["reason"] == "system_refresh (1 run)"


def test_it_waits_for_a_refresh_that_is_late_enough(monkeypatch: pytest.MonkeyPatch) -> None:
    upstream = Upstream(monkeypatch, system_refresh=[])
    upstream.ended = Ended("old", NOW - timedelta(hours=1))

    async def scene() -> None:
        waiting = asyncio.create_task(fired(trigger(fresh_since=NOW.isoformat())))
        await asyncio.sleep(0.2)
        assert not waiting.done()
        upstream.ended = Ended("new", NOW)
        assert await asyncio.wait_for(waiting, 5) == {"status": "idle"}

    asyncio.run(scene())


def test_it_gives_up_and_says_what_it_waited_for(monkeypatch: pytest.MonkeyPatch) -> None:
    Upstream(monkeypatch, system_refresh=["a", "b"])
    assert asyncio.run(fired(trigger(deadline=0))) == {"status": "late", "reason": "system_refresh (2 runs)"}


def test_its_place_in_the_stagger_comes_first(monkeypatch: pytest.MonkeyPatch) -> None:
    upstream = Upstream(monkeypatch, system_refresh=[])

    async def scene() -> None:
        waiting = asyncio.create_task(fired(trigger(begins=(datetime.now(UTC) + timedelta(seconds=0.4)).isoformat())))
        await asyncio.sleep(0.2)
        assert upstream.asked == 0
        assert await asyncio.wait_for(waiting, 5) == {"status": "idle"}

    asyncio.run(scene())


@pytest.mark.slow
def test_two_hundred_waiting_runs_ask_once_a_poll(monkeypatch: pytest.MonkeyPatch) -> None:
    upstream = Upstream(monkeypatch, system_refresh=["a"])

    async def scene() -> None:
        waiting = [asyncio.create_task(fired(trigger())) for _ in range(200)]
        await asyncio.sleep(0.5)
        upstream.runs["system_refresh"].clear()
        await asyncio.wait_for(asyncio.gather(*waiting), 5)

    asyncio.run(scene())
    assert upstream.asked < 200, "each would have asked ten times"


def test_nobody_gets_an_answer_from_before_he_came() -> None:
    async def scene() -> None:
        shared = SharedAnswers()
        answers = iter("abc")

        async def question() -> str:
            return next(answers)

        assert await shared.ask("x", question, shared.now()) == "a"
        assert await shared.ask("x", question, shared.now() - 10) == "a"
        assert await shared.ask("x", question, shared.now()) == "b"
        assert await shared.ask("y", question, shared.now() - 10) == "c"

    asyncio.run(scene())


def test_a_trigger_is_rebuilt_from_what_it_says_of_itself() -> None:
    waiting = trigger(ignored=("parent",), fresh_since=NOW.isoformat())
    path, words = waiting.serialize()
    assert path == "sluice.airflow.triggers.refreshes.RefreshesIdleTrigger"
    assert RefreshesIdleTrigger(**words).serialize() == (path, words)


def test_waiting_is_described() -> None:
    assert describe({"b": 2, "a": 1}) == "a (1 run), b (2 runs)"
    assert stale(NOW, NOW) == ""
    assert "none has ended yet" in stale(NOW, None)
    assert "the last one ended at" in stale(NOW, NOW - timedelta(seconds=1))
