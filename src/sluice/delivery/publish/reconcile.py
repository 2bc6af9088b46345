"""Reconcile rows counted in the source, rows written and files at the destination, before anything is visible."""

from __future__ import annotations

from sluice.delivery.publish.delivered import Delivered, Delivery
from sluice.destinations.base import Destination, Stored
from sluice.destinations.lookup import find
from sluice.destinations.sums import differ
from sluice.errors import FatalError
from sluice.model.part import Part, consecutive


def reconcile(delivery: Delivery, destination: Destination) -> None:
    """Raises `FatalError` for the first feed that differs, with the difference."""
    for one in delivery.feeds:
        _add_up(one)
        if delivery.plan.connection.destination.stays:
            _all_there(one, destination)


def _add_up(one: Delivered) -> None:
    if one.written != one.extract.records or not consecutive(one.parts):
        raise FatalError(
            f"{one.feed.name}: {one.extract.records:,} records were counted and {one.written:,} were written in"
            f" {len(one.parts)} parts; nothing is published",
            next_step="clear the run's `upload` tasks",
        )


def _all_there(one: Delivered, destination: Destination) -> None:
    found = find((part.name for part in one.parts), destination)
    differing = [(part.name, how) for part in one.parts if (how := _difference(part, found.get(part.name)))]
    if differing:
        name, how = differing[0]
        raise FatalError(
            f"{one.feed.name}: {len(differing)} of {len(one.parts)} parts at the destination differ from what was"
            f" sent, first {destination.locate(name)}: {how}; nothing is published",
            next_step="find out what removes or changes files there, then clear the run's `upload` tasks",
        )


def _difference(part: Part, found: Stored | None) -> str:
    """How the stored file differs from what was sent; compares the destination's own checksum if it has one."""
    if found is None:
        return "it is missing, or Sluice may not read it"
    if found.size != part.bytes:
        return f"it has {found.size:,} bytes, but {part.bytes:,} were sent"
    if differ(part.checksum, found.checksum):
        return f"its checksum is {found.checksum}, but {part.checksum} was confirmed after sending"
    return ""
