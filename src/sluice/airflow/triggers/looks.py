"""Answers from Airflow that the waiting runs of one triggerer share."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable, Sequence
from typing import Any

from sluice.airflow.private import count_runs

_KEPT = 60.0
"""Seconds after which nobody asks for an answer again."""


class Looks:
    """What was asked last, and when. Nobody gets an answer that is older than the moment he names: a run that waits
    because it has seen a refresh must not go on because of what another one saw before that."""

    def __init__(self) -> None:
        self._answers: dict[str, tuple[float, Any]] = {}
        self._asking = asyncio.Lock()

    @staticmethod
    def now() -> float:
        return time.monotonic()

    async def ask(self, key: str, question: Callable[[], Awaitable[Any]], since: float) -> Any:
        """The answer to `question` as it was at `since` or later."""
        async with self._asking:
            asked, answer = self._answers.get(key, (-1.0, None))
            if asked < since:
                asked = self.now()
                answer = await question()
                self._answers = {k: kept for k, kept in self._answers.items() if kept[0] > asked - _KEPT}
                self._answers[key] = asked, answer
            return answer

    async def runs(self, dag_id: str, since: float, states: Sequence[str], ignored: Sequence[str]) -> int:
        """How many runs of a DAG are in one of these states, without those of `ignored`."""
        count: int = await self.ask(f"{dag_id} {states}", lambda: count_runs(dag_id, states), since)
        if count and ignored:
            key = f"{dag_id} {states} {sorted(ignored)}"
            count -= await self.ask(key, lambda: count_runs(dag_id, states, ignored), since)
        return max(count, 0)
