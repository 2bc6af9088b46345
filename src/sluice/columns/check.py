"""Every column that a project's declarations name, against the datasets that can be looked at."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from dataclasses import dataclass
from pathlib import Path

from sluice.columns.datasets import of_dataset
from sluice.columns.exports import Exports, datasets_of
from sluice.columns.finding import Finding, of_error
from sluice.columns.schemas import Schemas, read_schemas
from sluice.columns.segments import of_segment
from sluice.definition.load import Places
from sluice.definition.models.project import Project
from sluice.errors import DefinitionError, SluiceError
from sluice.model.access import Connections


@dataclass(frozen=True)
class Checked:
    """What was found."""

    errors: tuple[DefinitionError, ...]
    """Columns that are not there, or cannot be what they are declared for."""
    warnings: tuple[DefinitionError, ...]
    """Columns that are in none of those files that were looked at, of too many."""
    unread: tuple[SluiceError, ...]
    """Why the columns of a dataset are not known."""
    looked: int
    """Datasets whose columns are known."""
    broken: frozenset[str]
    """Exports that an error keeps from delivering."""


def check_columns(project: Project, folder: Path, names: Collection[str], connections: Connections) -> Checked:
    """Check the named datasets, the segments of them, and the exports that read them. Reads metadata alone, of each
    dataset once, and never raises for what it finds."""
    schemas = read_schemas((project.datasets[name] for name in sorted(names)), connections)
    found = list(_findings(project, schemas))
    places = Places(folder)
    return Checked(
        errors=tuple(finding.at(places) for finding in found if finding.sure),
        warnings=tuple(finding.at(places) for finding in found if not finding.sure),
        unread=tuple(_placed(error, places) for error in schemas.unread.values() if not _is_declared(error)),
        looked=len(schemas.known),
        broken=_broken(project, {finding.subject[:2] for finding in found if finding.sure}),
    )


def _findings(project: Project, schemas: Schemas) -> Iterator[Finding]:
    exports = Exports(project, schemas.known)
    for error in schemas.unread.values():
        if isinstance(error, DefinitionError) and _is_declared(error):
            yield of_error(error, error.subject[:-1], word=str(error.subject[-1]))
    for name, columns in schemas.known.items():
        yield from of_dataset(project.datasets[name], columns)
    for segment in project.segments.values():
        yield from of_segment(segment, project, schemas.known)
    for export in project.exports.values():
        yield from exports.of(export)


def _is_declared(error: SluiceError) -> bool:
    """Whether it is about a part of the dataset's declaration, such as a partition, rather than about its source."""
    return isinstance(error, DefinitionError) and len(error.subject) > 2


def _placed(error: SluiceError, places: Places) -> SluiceError:
    error.place = error.place or places.of((*error.subject, "source"))
    if error.next_step == error.advice:  # which is for whoever reads the log of a task
        error.next_step = "look whether the source can be reached from here"
    return error


def _broken(project: Project, wrong: Collection[tuple[str | int, ...]]) -> frozenset[str]:
    """The exports that are wrong, or read what is."""
    return frozenset(
        export.name
        for export in project.exports.values()
        if ("exports", export.name) in wrong
        or any(("datasets", dataset.name) in wrong for dataset in datasets_of(export, project))
        or any(("segments", name) in wrong for name in getattr(export, "segments", ()))
    )
