"""The task `wait_for_refreshes`."""

from __future__ import annotations

import time
from collections.abc import Sequence
from datetime import timedelta
from typing import Any

from airflow.sdk import BaseSensorOperator, Context

from sluice.airflow.triggers.refreshes import RefreshesIdleTrigger, describe

PATIENCE = 6
"""Seconds to look again before giving up the worker: the refresh whose event started this run ends about now, and
being deferred and woken costs ten."""


class WaitForRefreshesSensor(BaseSensorOperator):
    """Waits while a refresh that the export depends on is queued or running.

    A paused DAG's queued runs are not waited for: they would never start.
    """

    template_fields: Sequence[str] = ("refreshes",)
    ui_color = "#e6f1f2"

    def __init__(self, *, refreshes: Sequence[str], **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.refreshes = refreshes

    def execute(self, context: Context) -> None:
        states = {dag_id: self._states(dag_id, context) for dag_id in self.refreshes}
        for _ in range(PATIENCE):
            busy = self._busy(states, context)
            if not busy:
                self.log.info("no refresh is queued or running: %s", ", ".join(self.refreshes) or "none is declared")
                return
            time.sleep(1)
        self.log.info("waiting for %s", describe(busy))
        self.defer(
            trigger=RefreshesIdleTrigger(states, poll=self.poke_interval),
            method_name="resume",
            timeout=timedelta(seconds=self.timeout),
        )

    def resume(self, context: Context, event: dict[str, Any]) -> None:  # noqa: ARG002 - Airflow's signature
        self.log.info("the refreshes are done")

    def _states(self, dag_id: str, context: Context) -> list[str]:
        from airflow.sdk.exceptions import AirflowRuntimeError

        try:
            paused = context["ti"].get_dag(dag_id).is_paused
        except AirflowRuntimeError:
            self.log.warning("Airflow knows no DAG %s: it is not waited for", dag_id)
            paused = False
        if paused:
            self.log.warning("DAG %s is paused: its queued runs are not waited for", dag_id)
        return ["running"] if paused else ["queued", "running"]

    def _busy(self, states: dict[str, list[str]], context: Context) -> dict[str, int]:
        counts = {dag_id: context["ti"].get_dr_count(dag_id, states=wanted) for dag_id, wanted in states.items()}
        return {dag_id: count for dag_id, count in counts.items() if count}
