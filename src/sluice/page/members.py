"""The members of all segments, as their last refreshes counted them."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import datetime
from functools import partial

from sluice.definition.models.project import Staging
from sluice.errors import FatalError, SluiceError
from sluice.model.access import Connections
from sluice.refresh.membership import before, current

AT_ONCE = 16


@dataclass(frozen=True)
class Members:
    """One segment's count."""

    records: int
    before: int | None
    """At the refresh before."""
    refreshed: datetime


def members_of(segments: list[str], staging: Staging, connections: Connections) -> dict[str, Members]:
    """The counts of those segments that have been refreshed. Raises the error of staging."""
    with ThreadPoolExecutor(AT_ONCE, "members") as pool:
        found = pool.map(partial(_members, staging=staging, connections=connections), segments)
    return {segment: members for segment, members in zip(segments, found, strict=True) if members}


def _members(segment: str, staging: Staging, connections: Connections) -> Members | None:
    try:
        now = current(staging, segment, connections)
    except FatalError:  # not refreshed yet
        return None
    try:
        earlier = before(now, staging, connections)
    except SluiceError:  # removed meanwhile
        earlier = None
    return Members(now.records, earlier, now.refreshed_at)
