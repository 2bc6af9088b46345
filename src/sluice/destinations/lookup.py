"""Lookup of files at a destination by their names. A run never lists a destination: it knows every name, and listing
needs a permission that many logins do not have."""

from __future__ import annotations

from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor

from sluice.destinations.base import Destination, Stored

_AT_ONCE = 16


def find(names: Iterable[str], destination: Destination) -> dict[str, Stored]:
    """The files that exist, by name, in order."""
    wanted = sorted(set(names))
    with ThreadPoolExecutor(_AT_ONCE, thread_name_prefix="stat") as pool:
        found = pool.map(destination.stat, wanted)
        return {name: stored for name, stored in zip(wanted, found, strict=True) if stored is not None}


def holds(name: str, body: bytes, destination: Destination) -> bool:
    """Whether a file exists with exactly these bytes."""
    return destination.stat(name) is not None and b"".join(destination.read(name)) == body
