"""Finds the datasets, segments, columns and metrics that Data Workbench's names mean."""

from __future__ import annotations

from collections.abc import Mapping
from difflib import get_close_matches

from sluice.definition.models.catalog import Dataset, Segment
from sluice.errors import DefinitionError
from sluice.workbench.parse import Entry
from sluice.workbench.source import NOTHING_WRITTEN
from sluice.workbench.text import folded


def dataset_of(level: Entry, datasets: Mapping[str, Dataset]) -> Dataset:
    """The dataset that a level names, by its name or its title. Raises `DefinitionError` if there is none, if there are
    several, or if its rows have no key of their own."""
    name = folded(level.text)
    found = [dataset for dataset in datasets.values() if name in (folded(dataset.name), folded(dataset.title))]
    if not level.value or not found:
        what = "the export has no Level" if not level.value else f"no dataset is named{level.source.quoted(level.text)}"
        advice = "name a dataset of the catalog, or give one this `title`"
        raise unknown(level, what, [*datasets, *(one.title for one in datasets.values() if one.title)], advice)
    if len(found) > 1:
        names = " and ".join(f"`{dataset.name}`" for dataset in found)
        raise level.error(f"this may mean the datasets {names}", "give only one of them this name or title")
    if found[0].row_key is None:
        what = f"`{found[0].name}` contains events without an `event_id`, so it has no row for each of them"
        raise level.error(what, f"add `event_id` to `{found[0].name}` in catalog/datasets.yaml")
    return found[0]


def column_of(name: str, dataset: Dataset) -> str:
    """The dataset's column that a dimension means: one that the catalog names, or else the column of that very name."""
    named = [*dataset.columns, dataset.key, *(one for one in (dataset.event_id, dataset.time) if one)]
    if name in named:
        return name
    return next((column for column in named if folded(column) == folded(name)), name)


def metric_of(name: str, dataset: Dataset) -> str | None:
    """The metric of the dataset that a name means; None if there is none."""
    return next((one for one in dataset.metrics if folded(one) == folded(name)), None)


def segment_of(name: str, dataset: Dataset, segments: Mapping[str, Segment]) -> Segment | None:
    """The segment of the dataset that a named filter means; None if there is none."""
    own = (one for one in segments.values() if one.dataset == dataset.name)
    return next((one for one in own if folded(one.name) == folded(name)), None)


def unknown(entry: Entry, what: str, known: list[str], advice: str, *, at: int = 0) -> DefinitionError:
    """The error of a name that the catalog does not have, with the nearest and the others."""
    spelled = {folded(name): name for name in reversed(known)}
    near = get_close_matches(folded(entry.text), spelled, 1, 0.5)
    error = entry.error(what, advice, at=at, nearest=spelled[near[0]] if near else None)
    return DefinitionError(
        error.what,
        place=error.place,
        nearest=error.nearest,
        known=sorted(set(known)),
        next_step=f"{advice}; {NOTHING_WRITTEN}",
    )
