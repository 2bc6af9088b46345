"""Waits in the triggerer: for the run's time in the stagger, for refreshes to end, and for a recent one."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Mapping
from datetime import UTC, datetime
from typing import Any

from airflow.triggers.base import BaseTrigger, TriggerEvent

from sluice.airflow.record import SUCCEEDED, alast
from sluice.airflow.triggers.answers import SharedAnswers

ANSWERS = SharedAnswers()
"""Shared by the whole triggerer: any number of exports that wait for a refresh need one request per poll."""


class RefreshesIdleTrigger(BaseTrigger):
    """Fires when the run may continue, or at `deadline`. `poll` is in seconds, times are ISO text.

    `refreshes` holds the states to wait for of each DAG, and its runs that are ignored: the run's own parent, and runs
    with a future date."""

    def __init__(
        self,
        refreshes: dict[str, dict[str, list[str]]],
        poll: float,
        begins: str,
        deadline: str,
        fresh_since: str | None = None,
    ) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self.refreshes = refreshes
        self.poll = poll
        self.begins = begins
        self.deadline = deadline
        self.fresh_since = fresh_since

    def serialize(self) -> tuple[str, dict[str, Any]]:
        names = ("refreshes", "poll", "begins", "deadline", "fresh_since")
        return (
            "sluice.airflow.triggers.refreshes.RefreshesIdleTrigger",
            {name: getattr(self, name) for name in names},
        )

    async def run(self) -> AsyncIterator[TriggerEvent]:
        await asyncio.sleep((datetime.fromisoformat(self.begins) - datetime.now(UTC)).total_seconds())
        arrived, logged = ANSWERS.now(), ""
        while reason := await self._reason(max(arrived, ANSWERS.now() - self.poll)):
            if reason != logged:
                self.log.info("waiting for %s", reason)
                logged = reason
            if datetime.now(UTC) >= datetime.fromisoformat(self.deadline):
                yield TriggerEvent({"status": "late", "reason": reason})
                return
            await asyncio.sleep(self.poll)
        yield TriggerEvent({"status": "idle"})

    async def _reason(self, since: float) -> str:
        """What the run is waiting for, checked at `since` or later; empty if it may continue."""
        counts = {dag_id: await ANSWERS.runs(dag_id, since, **what) for dag_id, what in self.refreshes.items()}
        if busy := {dag_id: count for dag_id, count in counts.items() if count}:
            return describe(busy)
        if self.fresh_since is None:
            return ""
        ended = await ANSWERS.ask("last system refresh", lambda: alast(SUCCEEDED), since)
        return stale(datetime.fromisoformat(self.fresh_since), ended.at if ended else None)


def describe(busy: Mapping[str, int]) -> str:
    """`system_refresh (1 run), crm_load (2 runs)`."""
    return ", ".join(f"{dag_id} ({count} run{'s' * (count != 1)})" for dag_id, count in sorted(busy.items()))


def stale(fresh_since: datetime, ended: datetime | None) -> str:
    """Which refresh is missing; empty if the last one is recent enough."""
    if ended is not None and ended >= fresh_since:
        return ""
    last = f"the last one ended at {ended:%Y-%m-%d %H:%M:%S}" if ended else "none has ended yet"
    return f"a system refresh that ends at {fresh_since:%Y-%m-%d %H:%M:%S} UTC or later; {last}"
