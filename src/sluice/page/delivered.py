"""Reads the manifest of a delivery back from its destination."""

from __future__ import annotations

import time
from contextlib import closing
from functools import partial

from sluice.attempt import Attempt
from sluice.definition.edit.store import MissingError
from sluice.delivery.manifests import find, opened
from sluice.delivery.verify import read_manifest
from sluice.errors import FatalError, SluiceError
from sluice.model.manifest import Manifest
from sluice.page.world import World
from sluice.runs.record import Record

QUICK = 20.0
"""The most seconds for reading a manifest."""


def manifest_of(world: World, name: str, run: str) -> Manifest:
    """The manifest of a published run. Raises `MissingError` if there is none, and the errors of the destination."""
    found = Attempt(f"the manifest of {run}", partial(_read, world, name, run)).outcome(time.monotonic() + QUICK)
    if isinstance(found, SluiceError):
        raise found
    return found


def delivered(world: World, name: str, run: str) -> Record:
    """The record of a published run. Raises `MissingError` if there is none."""
    world.index.refresh()
    record = world.index.find(name, run)
    if record is None or record.outcome != "published":
        raise MissingError(f"run {run} of {name} has delivered nothing", next_step="choose a run that was delivered")
    return record


def _read(world: World, name: str, run: str) -> Manifest:
    record = delivered(world, name, run)
    connection = world.project.connections.get(record.connection)
    if connection is None:
        what = (
            f"run {run} of {name} was delivered to the connection {record.connection}, which is not declared any more"
        )
        raise FatalError(what, next_step="restore its declaration to read the delivery")
    among, path = find(record.manifest, [connection], world.connections)
    with closing(opened(among, world.connections)) as destination:
        return read_manifest(path, destination)
