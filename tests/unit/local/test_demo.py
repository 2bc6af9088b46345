"""What the demo does about an earlier one."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from local.demo import end_leftovers
from sluice.airflow.rest import Rest
from sluice.definition.models.catalog import SYSTEM_REFRESH


class Going(Rest):
    """An Airflow with these runs that have not ended."""

    def __init__(self, *going: tuple[str, str]) -> None:
        super().__init__("http://127.0.0.1:1")
        self._going = going
        self.ended: list[tuple[str, Any]] = []

    def every_posted(self, path: str, key: str, body: dict[str, Any]) -> Iterator[dict[str, Any]]:
        for dag_id, run_id in self._going:
            if dag_id in body["dag_ids"]:
                yield {"dag_id": dag_id, "dag_run_id": run_id}

    def patch(self, path: str, body: Any) -> None:
        self.ended.append((path, body))


def test_what_a_killed_demo_has_left_is_ended() -> None:
    """C8: its refresh came back at the next start, and the new one waited for it and for its exports."""
    airflow = Going(
        (SYSTEM_REFRESH, "manual__1"),
        ("export__a", "asset_triggered__1"),
        ("export__a", "backfill__1"),
        ("export__b", "manual__1"),
        ("export__paused", "asset_triggered__1"),
    )
    said: list[str] = []
    end_leftovers(airflow, ["export__a", "export__b"], said.append)
    assert airflow.ended == [
        ("dags/export__a/dagRuns/asset_triggered__1", {"state": "failed"}),
        ("dags/system_refresh/dagRuns/manual__1", {"state": "failed"}),
    ]
    assert len(said) == 2
