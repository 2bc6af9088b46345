"""Answers from Airflow, shared by the waiting runs of one triggerer."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable, Sequence
from typing import Any

from sluice.airflow.private import count_runs

_KEPT = 60.0
"""Seconds after which an answer is dropped."""


class SharedAnswers:
    """A cache of answers with their times. A caller never gets an answer from before the time that it names: a run that
    waits because it has seen a refresh must not continue because of an older answer."""

    def __init__(self) -> None:
        self._answers: dict[str, tuple[float, Any]] = {}
        self._asking = asyncio.Lock()

    @staticmethod
    def now() -> float:
        return time.monotonic()

    async def ask(self, key: str, question: Callable[[], Awaitable[Any]], since: float) -> Any:
        """The answer to `question`, asked at `since` or later."""
        async with self._asking:
            asked, answer = self._answers.get(key, (-1.0, None))
            if asked < since:
                asked = self.now()
                answer = await question()
                self._answers = {k: kept for k, kept in self._answers.items() if kept[0] > asked - _KEPT}
                self._answers[key] = asked, answer
            return answer

    async def runs(self, dag_id: str, since: float, states: Sequence[str], ignored: Sequence[str]) -> int:
        """The number of runs of a DAG in one of these states, without those in `ignored`."""
        count: int = await self.ask(f"{dag_id} {states}", lambda: count_runs(dag_id, states), since)
        if count and ignored:
            key = f"{dag_id} {states} {sorted(ignored)}"
            count -= await self.ask(key, lambda: count_runs(dag_id, states, ignored), since)
        return max(count, 0)
