"""The slice of time that a backfill delivers."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

from pydantic import ValidationError

from sluice.definition.models.export import Export
from sluice.errors import DefinitionError
from sluice.model.run import Window

_MOMENT = timedelta(microseconds=1)


def window_of(export: Export, run_type: str, due: datetime, requested: Mapping[str, Any] | None) -> Window | None:
    """The requested slice (`{"from": ..., "to": ...}`). Default for a backfill: the time since the schedule's tick
    before the one at which it is due. None for other runs, and for exports with `mode: full`.

    Raises `DefinitionError` if the request is not a slice of time, if the schedule has no ticks, or if the export has
    `mode: changes`."""
    if requested:
        return requested_window(requested)
    if run_type != "backfill" or export.mode == "full":
        return None
    if export.mode == "changes":
        raise DefinitionError(
            f"export {export.name} has `mode: changes`, so it cannot be backfilled: past changes are not recorded",
            next_step="run it with the mode `full` to deliver every row again",
        )
    spec = export.when
    before = spec.ticks.until(due - _MOMENT) if spec and spec.by_the_clock else None
    if before is None:
        raise DefinitionError(
            f"export {export.name} has no clock schedule, so its backfill has no slices of time",
            next_step='set one: --dag-run-conf \'{"window": {"from": "2026-03-01", "to": "2026-03-02"}}\'',
        )
    return Window(after=before, until=due)


def requested_window(requested: Mapping[str, Any]) -> Window:
    """Read `{"from": ..., "to": ...}`. Raises `DefinitionError` if it is not a slice of time."""
    try:
        after, until = (moment(str(requested[key])) for key in ("from", "to"))
        found = Window(after=after, until=until)
    except (KeyError, ValueError, ValidationError):
        found = None
    if found is None or found.after >= found.until:
        raise DefinitionError(
            f"{dict(requested)} is not a slice of time",
            next_step='write {"from": "2026-03-01T00:00", "to": "2026-03-02T00:00"}, in UTC, `from` before `to`',
        )
    return found


def moment(text: str) -> datetime:
    """Read a date or a timestamp. Without an offset it is in UTC. Raises `ValueError`."""
    found = datetime.fromisoformat(text)
    return found if found.tzinfo else found.replace(tzinfo=UTC)
