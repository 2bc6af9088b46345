"""Checks one field of a segment export, or one metric of a dataset."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from sluice.columns.finding import Finding, no_column, of_error
from sluice.definition.models.catalog import Dataset
from sluice.definition.models.fields import FieldSpec
from sluice.errors import DefinitionError
from sluice.mapping.mapper import compile_fields
from sluice.sources.base import Columns
from sluice.sql.expression import row_expression
from sluice.sql.names import names_of

if TYPE_CHECKING:
    import pyarrow as pa


def of_metrics(dataset: Dataset, columns: Columns | None) -> Iterator[Finding]:
    """The problems of a dataset's metrics, whether an export delivers them or not."""
    for name, sql in dataset.metrics.items():
        spec = FieldSpec(sql=sql, **{"as": name})
        for finding in of_text(spec) if columns is None else of_field(spec, dataset.name, columns):
            yield Finding(**(vars(finding) | {"subject": ("datasets", dataset.name, "metrics", name)}))


def of_text(spec: FieldSpec) -> Iterator[Finding]:
    """The problems of its SQL that do not depend on the dataset's columns."""
    try:
        if spec.sql is not None:
            row_expression(spec.sql)
    except DefinitionError as error:
        yield of_error(error, ("sql",))


def of_field(spec: FieldSpec, dataset: str, columns: Columns) -> Iterator[Finding]:
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
