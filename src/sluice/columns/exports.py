"""Checks the columns named in an export: those of its fields, and those of `unique`."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING

from sluice.columns.finding import Finding, no_column, of_error
from sluice.definition.models.catalog import Dataset
from sluice.definition.models.export import ExportBase, SegmentExport
from sluice.definition.models.fields import FieldSpec
from sluice.definition.models.project import Project
from sluice.definition.references import feeds
from sluice.errors import DefinitionError
from sluice.mapping.mapper import compile_fields
from sluice.sources.base import Columns
from sluice.sql.expression import row_expression
from sluice.sql.names import names_of

if TYPE_CHECKING:
    import pyarrow as pa


class Exports:
    """Checks exports. Many have the same field of the same dataset, whose SQL is then compiled only once."""

    def __init__(self, project: Project, known: Mapping[str, Columns]) -> None:
        self._project = project
        self._known = known
        self._checked: dict[tuple[str, FieldSpec], list[Finding]] = {}

    def of(self, export: ExportBase) -> Iterator[Finding]:
        for dataset in datasets_of(export, self._project):
            columns = self._known.get(dataset.name)
            if columns is not None:
                yield from _unique(export, dataset, columns)
            for index, spec in enumerate(export.fields) if isinstance(export, SegmentExport) else ():
                for finding in self._field(spec, dataset, columns):
                    subject = ("exports", export.name, "fields", index, *finding.subject)
                    yield Finding(**(vars(finding) | {"subject": subject}))

    def _field(self, spec: FieldSpec, dataset: Dataset, columns: Columns | None) -> Sequence[Finding]:
        if (dataset.name, spec) not in self._checked:
            found = _of_text(spec) if columns is None else _of_field(spec, dataset.name, columns)
            self._checked[dataset.name, spec] = list(found)
        return self._checked[dataset.name, spec]


def datasets_of(export: ExportBase, project: Project) -> list[Dataset]:
    """The datasets that an export reads, each once."""
    names = (
        project.segments[feed.name].dataset if feed.families[0] == "segment" else feed.name for feed in feeds(export)
    )
    return [project.datasets[name] for name in dict.fromkeys(names)]


def _unique(export: ExportBase, dataset: Dataset, columns: Columns) -> Iterator[Finding]:
    if export.unique is None:
        return
    named: list[tuple[tuple[str | int, ...], str]] = [(("by", i), name) for i, name in enumerate(export.unique.by)]
    named += [(("order",), export.unique.order)] if export.unique.order else []
    for way, name in named:
        if name not in columns.schema.names:
            subject = ("exports", export.name, "unique", *way)
            yield no_column(subject, name, columns.schema.names, datasets=[dataset.name], sure=columns.whole)


def _of_text(spec: FieldSpec) -> Iterator[Finding]:
    """The problems of its SQL that do not depend on the dataset's columns."""
    try:
        if spec.sql is not None:
            row_expression(spec.sql)
    except DefinitionError as error:
        yield of_error(error, ("sql",))


def _of_field(spec: FieldSpec, dataset: str, columns: Columns) -> Iterator[Finding]:
    """The problems of a field. Each subject is a path within the field."""
    names = columns.schema.names
    try:
        missing = _missing(spec, columns.schema)
        if missing:
            way = ("sql",) if spec.sql is not None else ()
            yield from (no_column(way, name, names, datasets=[dataset], sure=columns.whole) for name in missing)
        elif not spec.as_it_is and not _of_unknown_type(columns.schema):
            compile_fields([spec], columns.schema, dataset=dataset)
    except DefinitionError as error:
        yield of_error(error, ("sql",) if spec.sql is not None else (), sure=columns.whole)


def _missing(spec: FieldSpec, schema: pa.Schema) -> list[str]:
    """The columns that a field names but the dataset does not have. SQL ignores the case of names; `field` does not."""
    if spec.field is not None:
        return [] if schema.get_field_index(spec.field) >= 0 else [spec.field]
    if spec.sql is None:
        return []
    return [name for name in row_expression(spec.sql).columns(names_of(schema)) if name not in schema.names]


def _of_unknown_type(schema: pa.Schema) -> bool:
    """Whether some types are known only when rows are read. SQL cannot be compiled against such a schema."""
    return any(str(kind) == "null" for kind in schema.types)
