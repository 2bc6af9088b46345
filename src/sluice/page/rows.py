"""The first rows of an export, as they would be delivered. They are customers' values: they are never logged."""

from __future__ import annotations

import json
import threading
import time
from datetime import UTC, date, datetime
from datetime import time as clock
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from pydantic import BaseModel

from sluice.attempt import Attempt
from sluice.definition.models.export import Export
from sluice.definition.models.project import Project
from sluice.errors import RetriableError, SluiceError
from sluice.overview.detail import plan_now
from sluice.page.world import World

DEADLINE = 20.0
"""Seconds after which a preview is given up."""
AT_ONCE = 3
"""Previews that run at the same time. Those that were given up count, because they cannot be stopped."""
_running = threading.BoundedSemaphore(AT_ONCE)


class FeedPreview(BaseModel):
    """The first rows of one feed, as they would be delivered."""

    feed: str
    columns: list[str]
    types: list[str]
    rows: list[list[str | None]]
    """As text; None for null."""
    accounts: int | None = None
    """The accounts of the segment, if their contacts are delivered; otherwise None."""
    rejected: int
    """Rows before the last one shown that would not be sent."""


def first_rows(world: World, project: Project, declared: Export, rows: int) -> list[FeedPreview]:
    """The first rows of each feed. Raises `RetriableError` after the deadline."""
    if not _running.acquire(blocking=False):
        raise RetriableError(f"{AT_ONCE} previews are running already", next_step="wait for them to end")

    def act() -> list[FeedPreview]:
        try:
            return _read(world, project, declared, rows)
        finally:
            _running.release()

    found = Attempt(f"the preview of {declared.name}", act).outcome(time.monotonic() + DEADLINE)
    if isinstance(found, SluiceError):
        raise found
    return found


def _read(world: World, project: Project, declared: Export, rows: int) -> list[FeedPreview]:
    from sluice.delivery.preview import preview

    now = datetime.now(UTC)
    plan = plan_now(project, declared, now)
    with TemporaryDirectory(prefix="sluice-preview-") as folder:
        return [
            FeedPreview(
                feed=one.feed.name,
                columns=one.rows.column_names,
                types=[str(kind) for kind in one.rows.schema.types],
                rows=[[_text(value) for value in row.values()] for row in one.rows.to_pylist()],
                accounts=one.accounts,
                rejected=one.rejected,
            )
            for one in preview(project, plan, world.connections, rows, Path(folder), now)
        ]


def _text(value: Any) -> str | None:
    match value:
        case None | str():
            return value
        case bool():
            return str(value).lower()
        case bytes():
            return value.hex()
        case datetime() | date() | clock():
            return value.isoformat()
        case dict() | list():
            return json.dumps(value, ensure_ascii=False, default=_text)
        case _:
            return str(value)
