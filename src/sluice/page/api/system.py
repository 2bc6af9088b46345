"""System status: refreshes and segments in the order in which they are refreshed, and what waits for them."""

from __future__ import annotations

from dataclasses import asdict
from datetime import datetime
from itertools import islice
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Query
from pydantic import BaseModel

from sluice.access.actor import Actor
from sluice.access.audit import Entry
from sluice.access.editor import perform
from sluice.access.may import CATALOG, PROJECT
from sluice.airflow.checkup import checks
from sluice.airflow.doctor import Asked
from sluice.airflow.private import dag_states, last_runs, unfinished_runs
from sluice.airflow.starting import start_refresh
from sluice.definition.models.catalog import SYSTEM_REFRESH, SystemRefresh
from sluice.doctor.check import Check, State
from sluice.page.asking import Allowed, WorldDep
from sluice.page.dependencies import Edge, Node, graph_of, waiting_exports
from sluice.page.loopback import AirflowDep

router = APIRouter(tags=["system"])


class WaitingExport(BaseModel):
    """An export whose run waits."""

    export: str
    run: str
    waits_for: list[str]
    since: datetime | None = None


class System(BaseModel):
    """Everything that is refreshed, in dependency order, and the health of Airflow."""

    nodes: list[Node]
    edges: list[Edge]
    waiting: list[WaitingExport]
    refreshing: bool
    """Whether a system refresh is queued or running."""
    last_refresh: datetime | None = None
    """When the last successful system refresh ended."""
    next_refresh: datetime | None = None
    schedule: str = ""
    """Of the system refresh, in words."""
    health: dict[str, str] = {}
    """Airflow's components: `healthy`, or not."""


@router.get("/system")
def system(
    actor: Annotated[Actor, Depends(Allowed("view-datasets"))],  # noqa: ARG001
    world: WorldDep,
    airflow: AirflowDep,
) -> System:
    """System status."""
    graph = graph_of(world)
    waiting = [WaitingExport(**one._asdict()) for one in waiting_exports()]
    dag = next((one for one in dag_states(SYSTEM_REFRESH) if one[0] == SYSTEM_REFRESH), None)
    ended = last_runs([SYSTEM_REFRESH], "success").get(SYSTEM_REFRESH)
    declared = next((one for one in world.project.refreshes.values() if isinstance(one, SystemRefresh)), None)
    schedule = declared.schedule if declared else "off"
    return System(
        nodes=graph.nodes,
        edges=graph.edges,
        waiting=waiting,
        refreshing=any(dag == SYSTEM_REFRESH for dag, *_ in unfinished_runs(SYSTEM_REFRESH)),
        last_refresh=ended[3] if ended else None,
        next_refresh=None if dag is None or dag[1] else dag[2],
        schedule="by hand" if schedule == "off" else str(schedule),
        health={name: str(one["status"] or "not running") for name, one in airflow.health().items()},
    )


@router.post("/system/refresh")
def refresh(
    body: dict[str, Any],  # noqa: ARG001
    actor: Annotated[Actor, Depends(Allowed("run-refresh"))],
    world: WorldDep,
    airflow: AirflowDep,
) -> dict[str, str]:
    """Start the system refresh. Returns its run id as `run`."""
    run, _ = perform(actor, "run-refresh", [CATALOG], lambda: start_refresh(airflow), world.audit)
    return {"run": run.run_id}


class Finding(BaseModel):
    """What a check of the installation has found, and what to do about it."""

    state: State
    name: str
    what: str
    next_step: str


@router.post("/system/check")
def check(
    body: dict[str, Any],  # noqa: ARG001 - a request without a body could come from another site
    actor: Annotated[Actor, Depends(Allowed("check-installation"))],
    world: WorldDep,
    airflow: AirflowDep,
) -> list[Finding]:
    """What `sluice doctor` finds, from this API server: staging, clocks, workers, versions, memory, disk, timeouts."""
    loaded = world.declared.loaded
    asked = Asked(airflow, sorted({**loaded.project.exports, **loaded.project.detached}))

    def act() -> list[Check]:
        return list(checks(loaded, asked, world.connections))

    found = perform(actor, "check-installation", [PROJECT], act, world.audit)
    return [Finding(**asdict(one)) for one in found]


class AuditPage(BaseModel):
    """Entries of the audit log, newest first."""

    entries: list[tuple[int, Entry]]
    more: bool


@router.get("/audit")
def audit(
    actor: Annotated[Actor, Depends(Allowed("view-audit"))],  # noqa: ARG001
    world: WorldDep,
    subject: str = "",
    before: Annotated[int | None, Query(ge=1)] = None,
    limit: Annotated[int, Query(ge=1, le=200)] = 50,
) -> AuditPage:
    """The audit log."""
    found = list(islice(world.audit.newest(subject, before=before), limit + 1))
    return AuditPage(entries=found[:limit], more=len(found) > limit)
