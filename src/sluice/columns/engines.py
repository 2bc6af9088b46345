"""Checks where segments are evaluated: those whose tables are in one database, but are copied to a worker, and those
that Spark may not evaluate as DuckDB does."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from sluice.columns.finding import Finding, of_error
from sluice.columns.segments import table_schema
from sluice.definition.load import Subject
from sluice.definition.models.catalog import Segment, Spark
from sluice.definition.models.project import Project
from sluice.errors import DefinitionError, SluiceError
from sluice.model.access import Connections
from sluice.refresh.evaluate import rule_of, tables_of
from sluice.refresh.pushdown import in_database, why_not
from sluice.refresh.spark.allowed import refuse_spark, refuse_types
from sluice.sources.base import Columns


def of_engine(
    segment: Segment, project: Project, known: Mapping[str, Columns], connections: Connections
) -> Iterator[Finding]:
    """An error if a segment demands the database, or Spark, and cannot be evaluated there, and a note if it only reads
    one database and is evaluated in DuckDB. Types count if the columns of all tables are known."""
    subject: Subject = ("segments", segment.name, "sql" if segment.sql else "where")
    dataset = project.datasets[segment.dataset]
    try:
        tables = tables_of(segment, dataset, project)
    except DefinitionError:
        return  # reported for its columns
    rule = rule_of(segment, dataset)
    if isinstance(segment.engine, Spark):
        try:
            _check_spark(segment, rule, tables, project, known)
        except DefinitionError as error:
            yield of_error(error, subject)
        return
    try:
        why = why_not(segment, rule, tables, project)
        if not why and known.keys() >= {*tables}:
            chosen = in_database(segment, rule, tables, project, connections)
            why = chosen if isinstance(chosen, str) else ""
    except DefinitionError as error:
        yield of_error(error, subject)
    except SluiceError:
        return  # the database does not answer any more
    else:
        if why and segment.engine == "auto" and _is_all_sql(tables, project):
            what = f"segment {segment.name} is evaluated in DuckDB, so its tables are copied to a worker: {why}"
            step = "write it with what both engines compare alike (docs/engines.md), or declare `engine: duckdb`"
            yield Finding(subject, what, next_step=step, note=True)


def _check_spark(
    segment: Segment, rule: str, tables: list[str], project: Project, known: Mapping[str, Columns]
) -> None:
    refuse_spark(segment, rule, tables, project)
    schemas = {name: table_schema(name, project, known) for name in tables}
    found = {name: schema for name, schema in schemas.items() if schema is not None}
    if found.keys() == schemas.keys():
        refuse_types(segment, rule, found)


def _is_all_sql(tables: list[str], project: Project) -> bool:
    return all(name in project.datasets and project.datasets[name].source.type == "sql" for name in tables)
