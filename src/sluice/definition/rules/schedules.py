"""Rules of schedules."""

from __future__ import annotations

from collections.abc import Iterator

from sluice.definition.errors.problem import Problem, unknown
from sluice.definition.models.export import DatasetExport, ExportBase
from sluice.definition.models.schedule import SYSTEM_REFRESH, ScheduleSpec
from sluice.definition.rules.known import Known


def follows_what_exists(export: ExportBase, known: Known) -> Iterator[Problem]:
    """An export that is followed may be broken: it delivers nothing then, and its followers are sound all the same."""
    name = _followed(export)
    if name is None or known.has("export", name) or known.unreadable("export"):
        return
    advice = f"choose a declared one, or `{SYSTEM_REFRESH}`"
    names = {*known.names("export"), SYSTEM_REFRESH} - {export.name}
    yield unknown(("schedule", "after"), name, names, f"no export is named `{name}`", advice)


def follows_no_circle(export: ExportBase, known: Known) -> Iterator[Problem]:
    """Said once a circle, at its first name in the order of letters."""
    way = [export.name]
    while (name := _followed(known.get("export", way[-1]))) and name not in way:
        way.append(name)
    if name == export.name == min(way):
        what = f"exports follow each other in a circle: {' -> '.join([*way, name])}"
        yield Problem(("schedule", "after"), what, "give one of them another schedule")


def datasets_end(export: ExportBase, known: Known) -> Iterator[Problem]:  # noqa: ARG001
    """What is scheduled by the clock and forgotten would deliver whole datasets for ever."""
    spec = _by_the_clock(export)
    if spec and not spec.start and not spec.end:
        what = "a dataset-export by the clock ends some day, and this has neither `end` nor `start`"
        yield Problem(("schedule",), what, "add `end: 2027-12-31`, or `start`: then it ends a year later")


def datasets_end_by_default(export: ExportBase, known: Known) -> Iterator[Problem]:  # noqa: ARG001
    spec = _by_the_clock(export)
    if spec and spec.start and not spec.end and export.when and export.when.end:
        what = f"no `end` is given: the last run is due by {export.when.end:%Y-%m-%d %H:%M} UTC, a year after the start"
        yield Problem(("schedule",), what, f"add `end: {export.when.end:%Y-%m-%d}`, or another date")


def _by_the_clock(export: ExportBase) -> ScheduleSpec | None:
    """The schedule as it is declared, of a dataset export by the clock."""
    spec = export.schedule
    return spec if isinstance(export, DatasetExport) and isinstance(spec, ScheduleSpec) and spec.by_the_clock else None


def _followed(export: ExportBase | None) -> str | None:
    """The export that this one follows."""
    spec = export.schedule if export else None
    name = spec.after if isinstance(spec, ScheduleSpec) else None
    return None if name == SYSTEM_REFRESH else name
