"""Deliveries at their destination: their manifests, and whether they are still as they were sent."""

from __future__ import annotations

import json
from typing import Annotated, Any

from fastapi import APIRouter, Depends

from sluice.access.actor import Actor
from sluice.airflow import starting
from sluice.delivery.report.reader_receipts import ReaderReceipts, Receipt
from sluice.model.manifest import render
from sluice.page.asking import Allowed, WorldDep
from sluice.page.bulk import Done
from sluice.page.delivered import delivered, manifest_of
from sluice.page.loopback import AirflowDep
from sluice.page.started import one

router = APIRouter(tags=["deliveries"])
Viewer = Annotated[Actor, Depends(Allowed("view-exports"))]


@router.post("/exports/{name}/runs/{run}/verify")
def verify(
    name: str,
    run: str,
    body: dict[str, Any],  # noqa: ARG001
    actor: Annotated[Actor, Depends(Allowed("verify-delivery"))],
    world: WorldDep,
    airflow: AirflowDep,
) -> Done:
    """Start a run that compares a delivery at its destination with its manifest."""
    world.export(name)
    found = delivered(world, name, run)
    return one(world, actor, "verify-delivery", name, lambda: starting.verify(airflow, name, found.run))


@router.get("/exports/{name}/runs/{run}/manifest")
def manifest(name: str, run: str, actor: Viewer, world: WorldDep) -> dict[str, Any]:  # noqa: ARG001
    """The manifest of a published run, as it was delivered."""
    found: dict[str, Any] = json.loads(render(manifest_of(world, name, run)))
    return found


@router.get("/exports/{name}/runs/{run}/receipts")
def receipts(name: str, run: str, actor: Viewer, world: WorldDep) -> list[Receipt]:  # noqa: ARG001
    """What Audience Manager or Adobe Target have made of the files of a run, oldest first. `sluice receipt` adds it."""
    world.index.refresh()
    record = world.index.find(name, run)
    kept = ReaderReceipts(world.project.settings.staging, name, world.connections)
    return kept.of(record.flow_run_id) if record else []
