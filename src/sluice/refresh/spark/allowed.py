"""Whether a segment can be evaluated in Spark: by its declaration, and by the types of its columns."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING

from sluice.definition.models.catalog import Segment
from sluice.definition.models.project import Project
from sluice.errors import DefinitionError, about
from sluice.refresh.spark.spelling import Spark
from sluice.refresh.spark.types import compared
from sluice.sources.file_set import ParquetConfig
from sluice.sql.translation.dialect import translate
from sluice.sql.translation.relation import Relation
from sluice.sql.translation.spelling import UnlikeError

if TYPE_CHECKING:
    import pyarrow as pa


def refuse_spark(segment: Segment, rule: str, tables: Sequence[str], project: Project) -> None:
    """Raise `DefinitionError` if the segment cannot be evaluated in Spark, as far as its declaration shows."""
    with refusing(segment):
        for name in tables:
            if name in project.datasets and not isinstance(project.datasets[name].source, ParquetConfig):
                kind = project.datasets[name].source.type
                raise UnlikeError(f"dataset {name} is of type {kind}, and Spark reads parquet, delta and iceberg")
        translate(rule, {name: Relation(name, None) for name in tables}, Spark())


def refuse_types(segment: Segment, rule: str, schemas: Mapping[str, pa.Schema]) -> None:
    """Raise `DefinitionError` if the segment compares columns of types that Spark may compare differently."""
    with refusing(segment):
        translate(rule, {name: Relation(name, compared(schema)) for name, schema in schemas.items()}, Spark())


@contextmanager
def refusing(segment: Segment) -> Iterator[None]:
    """Turn what may mean something else in Spark into an error of the segment: it is never evaluated elsewhere."""
    try:
        yield
    except UnlikeError as unlike:
        with about("segments", segment.name, "sql" if segment.sql else "where"):
            raise DefinitionError(
                f"segment {segment.name} cannot be evaluated in Spark: {unlike}",
                next_step="write it with what both engines compare alike (docs/engines.md), or declare `engine:"
                " duckdb`",
            ) from None
