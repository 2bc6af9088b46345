"""Which files are at a destination. Each is looked up by its name: a login may often look at a file without being
allowed to list its folder."""

from __future__ import annotations

from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor

from sluice.destinations.base import Destination

_AT_ONCE = 8


def sizes_of(names: Iterable[str], destination: Destination) -> dict[str, int]:
    """The sizes in bytes of those names that are there, sorted by name."""
    with ThreadPoolExecutor(_AT_ONCE, thread_name_prefix="look") as pool:
        found = pool.map(destination.stat, sorted(set(names)))
        return {stored.name: stored.size for stored in found if stored is not None}
