"""Reconcile: rows counted in the source = rows written = files at the destination, before anything is visible."""

from __future__ import annotations

from sluice.delivery.presence import sizes_of
from sluice.delivery.publishing.delivered import Delivered, Delivery
from sluice.destinations.base import Destination
from sluice.errors import FatalError
from sluice.model.part import consecutive


def reconcile(delivery: Delivery, destination: Destination) -> None:
    """Raises `FatalError` that says what differs, of the first feed in which anything does."""
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
    there = sizes_of((part.name for part in one.parts), destination)
    differing = [part.name for part in one.parts if there.get(part.name) != part.bytes]
    if differing:
        raise FatalError(
            f"{one.feed.name}: {len(differing)} of {len(one.parts)} parts are not at the destination as they were"
            f" sent, first {destination.locate(differing[0])}; nothing is published",
            next_step="find out what removes or changes files there, then clear the run's `upload` tasks",
        )
