"""Trigger files: they tell the reader that files are complete. They are written only for a decided run, whose files
nobody removes any more."""

from __future__ import annotations

from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor

from sluice.destinations.base import Destination
from sluice.destinations.lookup import find
from sluice.model.manifest import Manifest
from sluice.plan.model import Plan

AT_ONCE = 4


def triggers_of(plan: Plan, manifest: Manifest, *, before: bool) -> tuple[str, ...]:
    """The names of the trigger files that are written before the manifest, or after it."""
    trigger = plan.export.names.trigger
    if trigger is None or (trigger.written == "before-manifest") != before:
        return ()
    return plan.triggers(part.path for part in manifest.exportResults)


def put_triggers(names: Iterable[str], destination: Destination) -> None:
    with ThreadPoolExecutor(AT_ONCE, thread_name_prefix="trigger") as pool:
        list(pool.map(lambda name: destination.put(name, []), names))


def put_missing(names: Iterable[str], destination: Destination, *, stays: bool) -> None:
    """Write those that the destination does not have."""
    names = list(names)
    there = find(names, destination) if stays else {}
    put_triggers((name for name in names if name not in there), destination)
