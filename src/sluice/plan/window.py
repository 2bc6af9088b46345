"""Which slice of time a run delivers, where it is a backfill."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

from pydantic import ValidationError

from sluice.definition.models.export import Export
from sluice.errors import DefinitionError
from sluice.model.run import Window

_MOMENT = timedelta(microseconds=1)


def window_of(export: Export, run_type: str, due: datetime, asked: Mapping[str, Any] | None) -> Window | None:
    """What was asked for (`{"from": ..., "to": ...}`), else of a backfill the time from the schedule's tick before the
    one it is due at. None for every other run, and for exports that deliver everything each time.

    Raises `DefinitionError` where what was asked for is no slice of time, or the schedule has no ticks."""
    if asked:
        return asked_window(asked)
    if run_type != "backfill" or export.mode == "full":
        return None
    if export.mode == "changes":
        raise DefinitionError(
            f"export {export.name} delivers what has changed since its last delivery: what had changed in a slice of"
            " time nobody knows any more",
            next_step="run it with the mode `full` to deliver everything again",
        )
    spec = export.when
    before = spec.ticks.until(due - _MOMENT) if spec and spec.by_the_clock else None
    if before is None:
        raise DefinitionError(
            f"export {export.name} has no schedule by the clock: a backfill of it has no slices of time",
            next_step='name one: --dag-run-conf \'{"window": {"from": "2026-03-01", "to": "2026-03-02"}}\'',
        )
    return Window(after=before, until=due)


def asked_window(asked: Mapping[str, Any]) -> Window:
    """The slice of time that `{"from": ..., "to": ...}` names. Raises `DefinitionError` where it is none."""
    try:
        after, until = (moment(str(asked[key])) for key in ("from", "to"))
        found = Window(after=after, until=until)
    except (KeyError, ValueError, ValidationError):
        found = None
    if found is None or found.after >= found.until:
        raise DefinitionError(
            f"{dict(asked)} is no slice of time",
            next_step='write {"from": "2026-03-01T00:00", "to": "2026-03-02T00:00"}, in UTC, the earlier first',
        )
    return found


def moment(text: str) -> datetime:
    """A date or a timestamp; UTC where it has no offset."""
    found = datetime.fromisoformat(text)
    return found if found.tzinfo else found.replace(tzinfo=UTC)
