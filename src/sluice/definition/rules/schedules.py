"""Rules of schedules."""

from __future__ import annotations

from collections.abc import Iterator

from sluice.definition.errors.problem import Problem, unknown
from sluice.definition.models.export import ExportBase
from sluice.definition.models.schedule import SYSTEM_REFRESH, ScheduleSpec
from sluice.definition.rules.known import Known


def follows_what_exists(export: ExportBase, known: Known) -> Iterator[Problem]:
    """The followed export may be invalid: it then delivers nothing, but its followers stay valid."""
    name = _followed(export)
    if name is None or known.has("export", name) or known.unreadable("export"):
        return
    advice = f"choose a declared one, or `{SYSTEM_REFRESH}`"
    names = {*known.names("export"), SYSTEM_REFRESH} - {export.name}
    yield unknown(("schedule", "after"), name, names, f"no export is named `{name}`", advice)


def follows_what_runs(export: ExportBase, known: Known) -> Iterator[Problem]:
    """Only a warning, because the followed export may be attached again. As an error, it would break every follower of
    an export that is detached."""
    followed = known.get("export", _followed(export) or "")
    if followed is not None and not followed.connection:
        what = f"`{followed.name}` has no connection, so this export does not run after it"
        advice = f"attach it with `sluice attach {followed.name} NAME`, or give this export another schedule"
        yield Problem(("schedule", "after"), what, advice)


def follows_no_circle(export: ExportBase, known: Known) -> Iterator[Problem]:
    """A cycle is reported once, at its alphabetically first export."""
    way = [export.name]
    while (name := _followed(known.get("export", way[-1]))) and name not in way:
        way.append(name)
    if name == export.name == min(way):
        what = f"exports follow each other in a cycle: {' -> '.join([*way, name])}"
        yield Problem(("schedule", "after"), what, "give one of them another schedule")


def _followed(export: ExportBase | None) -> str | None:
    """The name of the export that this one follows."""
    spec = export.schedule if export else None
    name = spec.after if isinstance(spec, ScheduleSpec) else None
    return None if name == SYSTEM_REFRESH else name
