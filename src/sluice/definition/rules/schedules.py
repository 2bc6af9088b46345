"""Rules of schedules."""

from __future__ import annotations

from collections.abc import Iterator

from sluice.definition.errors.problem import Problem, unknown
from sluice.definition.models.export import DatasetExport, ExportBase
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


def follows_no_circle(export: ExportBase, known: Known) -> Iterator[Problem]:
    """A cycle is reported once, at its alphabetically first export."""
    way = [export.name]
    while (name := _followed(known.get("export", way[-1]))) and name not in way:
        way.append(name)
    if name == export.name == min(way):
        what = f"exports follow each other in a cycle: {' -> '.join([*way, name])}"
        yield Problem(("schedule", "after"), what, "give one of them another schedule")


def datasets_end(export: ExportBase, known: Known) -> Iterator[Problem]:  # noqa: ARG001
    """A forgotten clock schedule would deliver whole datasets forever."""
    spec = _by_the_clock(export)
    if spec and not spec.start and not spec.end:
        what = "the clock schedule of a dataset-export needs an end, and this one has neither `end` nor `start`"
        yield Problem(("schedule",), what, "add `end: 2027-12-31`, or `start`, which sets the end one year later")


def datasets_end_by_default(export: ExportBase, known: Known) -> Iterator[Problem]:  # noqa: ARG001
    spec = _by_the_clock(export)
    if spec and spec.start and not spec.end and export.when and export.when.end:
        what = f"without `end`, the schedule ends one year after its start: {export.when.end:%Y-%m-%d %H:%M} UTC"
        yield Problem(("schedule",), what, f"add `end: {export.when.end:%Y-%m-%d}`, or another date")


def _by_the_clock(export: ExportBase) -> ScheduleSpec | None:
    """The declared schedule of a dataset export, if it is a clock schedule."""
    spec = export.schedule
    return spec if isinstance(export, DatasetExport) and isinstance(spec, ScheduleSpec) and spec.by_the_clock else None


def _followed(export: ExportBase | None) -> str | None:
    """The name of the export that this one follows."""
    spec = export.schedule if export else None
    name = spec.after if isinstance(spec, ScheduleSpec) else None
    return None if name == SYSTEM_REFRESH else name
