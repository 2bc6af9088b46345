"""The DAGs of `make soak`: together they use every feature of Airflow that depends on the metadata database."""

from __future__ import annotations

import time
from datetime import datetime, timedelta
from typing import Any

from airflow.providers.standard.sensors.date_time import DateTimeSensorAsync
from airflow.sdk import DAG, Asset, CronTriggerTimetable, task

DONE = Asset("soak_done")


@task
def shards() -> list[int]:
    """A list to map over, through XCom."""
    return list(range(4))


@task
def work(shard: int) -> dict[str, Any]:
    """A little work, and a result in XCom."""
    time.sleep(0.2)
    return {"shard": shard, "rows": shard * 1000}


@task(outlets=[DONE])
def finish(results: list[dict[str, Any]]) -> int:
    """Sum the results, and emit an asset event."""
    return sum(result["rows"] for result in results)


@task
def remember(**context: Any) -> None:
    """Write state that outlives the run."""
    store = context["asset_state_store"][DONE]
    store.set("runs", (store.get("runs") or 0) + 1)


# `make soak` also backfills this DAG.
with DAG("soak_mapped", schedule=CronTriggerTimetable("*/10 * * * *", timezone="UTC"), start_date=datetime(2026, 1, 1)):
    finish(work.expand(shard=shards()))  # type: ignore[arg-type]  # Airflow passes what the tasks return

with DAG("soak_asset", schedule=[DONE]):
    remember.override(inlets=[DONE])()

with DAG("soak_deferred", schedule=timedelta(minutes=5), start_date=datetime(2026, 1, 1)):
    DateTimeSensorAsync(task_id="wait", target_time="{{ macros.datetime.utcnow() + macros.timedelta(seconds=20) }}")
