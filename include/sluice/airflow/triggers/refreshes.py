"""Waits in the triggerer until no refresh is queued or running."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import Any

from airflow.triggers.base import BaseTrigger, TriggerEvent


class RefreshesIdleTrigger(BaseTrigger):
    """Fires once no DAG of `refreshes` has a run in one of its states. `poll` is in seconds."""

    def __init__(self, refreshes: dict[str, list[str]], poll: float) -> None:
        super().__init__()
        self.refreshes = refreshes
        self.poll = poll

    def serialize(self) -> tuple[str, dict[str, Any]]:
        return (
            "sluice.airflow.triggers.refreshes.RefreshesIdleTrigger",
            {"refreshes": self.refreshes, "poll": self.poll},
        )

    async def run(self) -> AsyncIterator[TriggerEvent]:
        before: dict[str, int] = {}
        while busy := {dag_id: count for dag_id in self.refreshes if (count := await self._runs(dag_id))}:
            if busy != before:
                self.log.info("waiting for %s", describe(busy))
                before = busy
            await asyncio.sleep(self.poll)
        yield TriggerEvent({"status": "idle"})

    async def _runs(self, dag_id: str) -> int:
        from airflow.sdk.execution_time.comms import DRCount, GetDRCount
        from airflow.sdk.execution_time.task_runner import SUPERVISOR_COMMS

        answer = await SUPERVISOR_COMMS.asend(GetDRCount(dag_id=dag_id, states=self.refreshes[dag_id]))
        return answer.count if isinstance(answer, DRCount) else 0


def describe(busy: dict[str, int]) -> str:
    """`system_refresh (1 run), crm_load (2 runs)`."""
    return ", ".join(f"{dag_id} ({count} run{'s' * (count != 1)})" for dag_id, count in sorted(busy.items()))
