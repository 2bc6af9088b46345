"""Files looked up at a destination by their names. A run lists nothing there: it knows every name, and listing is a
right of its own that many are not given."""

from __future__ import annotations

from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor

from sluice.destinations.base import Destination, Stored

_AT_ONCE = 16


def find(names: Iterable[str], destination: Destination) -> dict[str, Stored]:
    """Those of the files that are there, by name, in order."""
    wanted = sorted(set(names))
    with ThreadPoolExecutor(_AT_ONCE, thread_name_prefix="stat") as pool:
        found = pool.map(destination.stat, wanted)
        return {name: stored for name, stored in zip(wanted, found, strict=True) if stored is not None}


def holds(name: str, body: bytes, destination: Destination) -> bool:
    """Whether a file is there with these bytes."""
    return destination.stat(name) is not None and b"".join(destination.read(name)) == body
