"""Rules of overrides: what single datasets of an export do differently."""

from __future__ import annotations

from collections.abc import Iterator

from sluice.definition.errors.problem import Problem, unknown
from sluice.definition.models.export import DatasetExport, ExportBase
from sluice.definition.rules.known import Known


def are_of_its_datasets(export: ExportBase, known: Known) -> Iterator[Problem]:  # noqa: ARG001
    if not isinstance(export, DatasetExport):
        return
    for name in export.overrides:
        if name not in export.datasets:
            what = f"`overrides` has `{name}`, which is none of the export's `datasets`"
            yield unknown(("overrides", name), name, export.datasets, what, "correct the name, or delete it", key=True)


def modes_fit_the_exports(export: ExportBase, known: Known) -> Iterator[Problem]:  # noqa: ARG001
    """An export with `mode: full` keeps no positions."""
    if not isinstance(export, DatasetExport) or export.mode != "full":
        return
    for name, override in export.overrides.items():
        if override.mode not in (None, "full"):
            what = f"the export has `mode: full`, so `{name}` cannot have `mode: {override.mode}`"
            advice = f"write `mode: {override.mode}` for the export, and overrides with `mode: full` for the others"
            yield Problem(("overrides", name, "mode"), what, advice)


def schedules_are_within_the_exports(export: ExportBase, known: Known) -> Iterator[Problem]:  # noqa: ARG001
    """A run of the export delivers the datasets that are due, so the export needs times, and each run a dataset."""
    if not isinstance(export, DatasetExport):
        return
    own = [name for name in export.datasets if name in export.overrides and export.overrides[name].schedule]
    if not own:
        return
    if export.when is None or not export.when.by_the_clock:
        what = f"`{own[0]}` has a schedule of its own, but the export has no clock schedule"
        yield Problem(
            ("overrides", own[0], "schedule"), what, 'give the export one, such as `{daily: "06:00"}`', key=True
        )
    elif len(own) == len(export.datasets):
        what = "each dataset has a schedule of its own, so some runs of the export would have nothing to deliver"
        advice = "give the export the schedule of the dataset that is due most often, and delete that override"
        yield Problem(("overrides", own[0], "schedule"), what, advice, key=True)
