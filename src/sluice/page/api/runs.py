"""Runs: start, cancel, release, resend; their progress and history."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Depends, Query
from pydantic import BaseModel

from sluice.access.actor import Actor
from sluice.access.may import may
from sluice.airflow import starting
from sluice.airflow.backfills import Backfill as Slicing
from sluice.errors import FatalError
from sluice.page.api.edits import Selection
from sluice.page.asking import Allowed, WorldDep
from sluice.page.bulk import Done
from sluice.page.history import RunRow, rows_of
from sluice.page.loopback import AirflowDep
from sluice.page.progress import Progress
from sluice.page.running import progress_of
from sluice.page.started import acted, one, run_each

router = APIRouter(tags=["runs"])
Viewer = Annotated[Actor, Depends(Allowed("view-exports"))]


class RunSelection(Selection):
    """Exports to run, with a run configuration: `mode`, `dry_run`, feeds, `window`: docs/operating.md."""

    conf: dict[str, Any] = {}


class Backfill(BaseModel):
    """A range of time to deliver again, in slices."""

    after: datetime
    until: datetime
    by: Literal["", "hour", "day", "week", "month"] = ""
    """The length of a slice. Empty: the schedule's own, or a day."""
    wake_downstream: bool = False
    """Whether the runs also start the exports that follow this one."""
    dry_run: bool = False
    """Whether to only return the slices."""


class Slices(BaseModel):
    """The slices of a backfill, and the runs that deliver them."""

    slices: list[str]
    runs: list[str] = []


class History(BaseModel):
    """One page of runs, newest first. Unfinished ones come first."""

    rows: list[RunRow]
    total: int


@router.post("/actions/run")
def run(body: RunSelection, actor: Viewer, world: WorldDep, airflow: AirflowDep) -> Done:
    """Start a run of each export."""
    return run_each(world, actor, airflow, body.exports, body.conf)


@router.post("/actions/run-all")
def run_all(body: dict[str, Any], actor: Viewer, world: WorldDep, airflow: AirflowDep) -> Done:  # noqa: ARG001
    """Start a run of each export with an active schedule that the user may run."""
    active = [row.name for row in world.rows() if row.scheduled == "on"]
    wanted = [name for name in active if may(actor, "run-export", world.subject("export", name))]
    return run_each(world, actor, airflow, wanted, {})


@router.post("/exports/{name}/backfill")
def backfill(
    name: str,
    body: Backfill,
    actor: Annotated[Actor, Depends(Allowed("backfill-export"))],
    world: WorldDep,
    airflow: AirflowDep,
) -> Slices:
    """Deliver again what was added between two times."""
    wanted = Slicing.of(world.export(name), body.after.isoformat(), body.until.isoformat(), body.by or None)
    plans = wanted.plans(world.project)
    slices = [str(plan.run.window) for plan in plans]
    if body.dry_run:
        return Slices(slices=slices)
    conf = {"wake_downstream": True} if body.wake_downstream else {}
    started = acted(world, actor, "backfill-export", name, lambda: wanted.start(airflow, conf))
    return Slices(slices=slices, runs=[run.run_id for run in started])


@router.get("/exports/{name}/runs")
def history(
    name: str,
    actor: Viewer,  # noqa: ARG001
    world: WorldDep,
    offset: Annotated[int, Query(ge=0)] = 0,
    limit: Annotated[int, Query(ge=1, le=500)] = 50,
) -> History:
    """The runs of an export, newest first."""
    rows, total = rows_of(world, name, offset, limit)
    return History(rows=rows, total=total)


@router.get("/exports/{name}/runs/{run}")
def progress(name: str, run: str, actor: Viewer, world: WorldDep, airflow: AirflowDep) -> Progress:
    """One run with its tasks."""
    return progress_of(world, actor, airflow, name, run)


@router.post("/exports/{name}/runs/{run}/cancel")
def cancel(
    name: str,
    run: str,
    body: dict[str, Any],  # noqa: ARG001
    actor: Annotated[Actor, Depends(Allowed("cancel-run"))],
    world: WorldDep,
    airflow: AirflowDep,
) -> Done:
    """Stop a run. What it has sent is removed."""
    acted(world, actor, "cancel-run", name, lambda: starting.cancel(airflow, name, run))
    return Done(done=[name])


@router.post("/exports/{name}/runs/{run}/release")
def release(
    name: str,
    run: str,
    body: dict[str, Any],  # noqa: ARG001
    actor: Annotated[Actor, Depends(Allowed("release-run"))],
    world: WorldDep,
    airflow: AirflowDep,
) -> Done:
    """Start a run that delivers although its counts are not as expected."""
    world.index.refresh()
    found = world.index.find(name, run)
    if found is None or found.outcome != "held":
        state = found.outcome if found else "not known to have ended"
        raise FatalError(f"run {run} of {name} is not held: it is {state}", next_step="release only a held run")
    return one(world, actor, "release-run", name, lambda: starting.release(airflow, name, run))


@router.post("/exports/{name}/runs/{run}/resend")
def resend(
    name: str,
    run: str,
    body: dict[str, Any],  # noqa: ARG001
    actor: Annotated[Actor, Depends(Allowed("resend-run"))],
    world: WorldDep,
    airflow: AirflowDep,
) -> Done:
    """Deliver an earlier run again, byte by byte."""
    world.export(name)
    world.index.refresh()
    found = world.index.find(name, run)
    published = found.flow_run_id if found and found.outcome == "published" else run
    return one(world, actor, "resend-run", name, lambda: starting.resend(airflow, name, published))
