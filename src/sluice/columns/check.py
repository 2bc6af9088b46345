"""Checks every column named in a project's declarations against the datasets that can be read."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from dataclasses import dataclass
from pathlib import Path

from sluice.columns.datasets import of_contacts, of_dataset
from sluice.columns.engines import of_engine
from sluice.columns.exports import Exports, datasets_of, lists_of
from sluice.columns.fields import of_metrics
from sluice.columns.finding import Finding, of_error
from sluice.columns.schemas import Schemas, read_schemas
from sluice.columns.segments import of_segment
from sluice.definition.load import Places
from sluice.definition.models.export import ExportBase
from sluice.definition.models.project import Project
from sluice.errors import DefinitionError, SluiceError
from sluice.model.access import Connections


@dataclass(frozen=True)
class Checked:
    """The result of the check."""

    errors: tuple[DefinitionError, ...]
    """The columns that do not exist, or do not fit their purpose."""
    warnings: tuple[DefinitionError, ...]
    """The columns that no checked file has, in datasets with too many files to check all."""
    notes: tuple[DefinitionError, ...]
    """The segments over one database that are evaluated in DuckDB."""
    unread: tuple[SluiceError, ...]
    """The reasons why the columns of datasets are not known."""
    looked: int
    """The number of datasets whose columns are known."""
    broken: frozenset[str]
    """The exports that cannot deliver because of an error."""


def check_columns(project: Project, folder: Path, names: Collection[str], connections: Connections) -> Checked:
    """Check the named datasets, their segments, and the exports that read them. Reads only metadata, once per dataset.
    Problems are returned, never raised."""
    schemas = read_schemas((project.datasets[name] for name in sorted(names)), connections)
    found = list(dict.fromkeys(_findings(project, schemas, connections)))
    places = Places(folder)
    return Checked(
        errors=tuple(finding.at(places) for finding in found if finding.sure and not finding.note),
        warnings=tuple(finding.at(places) for finding in found if not finding.sure),
        notes=tuple(finding.at(places) for finding in found if finding.note),
        unread=tuple(_placed(error, places) for error in schemas.unread.values() if not _is_declared(error)),
        looked=len(schemas.known),
        broken=_broken(project, {one.subject[:2] for one in found if one.sure and not one.note}),
    )


def _findings(project: Project, schemas: Schemas, connections: Connections) -> Iterator[Finding]:
    exports = Exports(project, schemas.known)
    for error in schemas.unread.values():
        if isinstance(error, DefinitionError) and _is_declared(error):
            yield of_error(error, error.subject[:-1], word=str(error.subject[-1]))
    for name, columns in schemas.known.items():
        yield from of_dataset(project.datasets[name], columns)
    for dataset in project.datasets.values():
        yield from of_contacts(dataset, schemas.known)
        yield from of_metrics(dataset, schemas.known.get(dataset.name))
    for segment in project.segments.values():
        yield from of_segment(segment, project, schemas.known)
        yield from of_engine(segment, project, schemas.known, connections)
    for export in (*project.exports.values(), *project.detached.values()):
        yield from exports.of(export)


def _is_declared(error: SluiceError) -> bool:
    """Whether the error is about a part of the dataset's declaration, such as a partition, and not about its source."""
    return isinstance(error, DefinitionError) and len(error.subject) > 2


def _placed(error: SluiceError, places: Places) -> SluiceError:
    error.place = error.place or places.of((*error.subject, "source"))
    if error.next_step == error.advice:  # the default advice is for readers of a task's log
        error.next_step = "check that the source can be reached from this machine"
    return error


def _read_by(export: ExportBase, project: Project) -> set[str]:
    """The datasets whose rows an export delivers, those of its segments, and the lists of those who are left out."""
    segments = (project.segments[name] for name in getattr(export, "segments", ()))
    datasets = (*datasets_of(export, project), *lists_of(export, project))
    return {*(dataset.name for dataset in datasets), *(segment.dataset for segment in segments)}


def _broken(project: Project, wrong: Collection[tuple[str | int, ...]]) -> frozenset[str]:
    """The exports with an error of their own, or in a dataset or segment that they read."""
    return frozenset(
        export.name
        for export in project.exports.values()
        if ("exports", export.name) in wrong
        or ("connections", export.connection) in wrong
        or any(("datasets", name) in wrong for name in _read_by(export, project))
        or any(("segments", name) in wrong for name in getattr(export, "segments", ()))
    )
