"""Whether a segment is evaluated in the database that holds its tables, instead of in DuckDB on a worker."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from sluice.definition.models.catalog import Segment
from sluice.definition.models.project import Project
from sluice.errors import DefinitionError, about
from sluice.model.access import Connections
from sluice.refresh.keys import Keys
from sluice.sources.postgres.spelling import Postgres
from sluice.sources.sql import Sql, SqlSource
from sluice.sql.translation.dialect import translate
from sluice.sql.translation.relation import Relation
from sluice.sql.translation.spelling import UnlikeError


@dataclass(frozen=True)
class Pushdown:
    """A segment's query in the dialect of its database."""

    query: str
    relations: Mapping[str, Relation]
    source: SqlSource
    """The source of one of its datasets, through which the query is sent."""
    engine = "PostgreSQL"

    def keys(self) -> Keys:
        """The members' keys, over COPY."""
        return Keys(self.source.rows_of(self.query))


def in_database(
    segment: Segment, rule: str, tables: Sequence[str], project: Project, connections: Connections
) -> Pushdown | str:
    """How the database evaluates the segment, or the reason why DuckDB does. Asks the database for the types of its
    columns. Raises `DefinitionError` if the segment demands the database."""
    why = why_not(segment, rule, tables, project)
    try:
        return why or _translated(rule, tables, project, connections)
    except UnlikeError as unlike:
        _refuse_duckdb(segment, str(unlike))
        return str(unlike)


def why_not(segment: Segment, rule: str, tables: Sequence[str], project: Project) -> str:
    """The reason why DuckDB evaluates the segment, as far as its declaration shows; empty if there is none. Raises
    `DefinitionError` if the segment demands the database."""
    if segment.engine == "duckdb":
        return "it declares `engine: duckdb`"
    why = _elsewhere(tables, project)
    if not why:
        configs = _configs(tables, project)
        try:
            translate(rule, {name: config.relation(name) for name, config in configs.items()}, Postgres())
        except UnlikeError as unlike:
            why = str(unlike)
    if why:
        _refuse_duckdb(segment, why)
    return why


def _refuse_duckdb(segment: Segment, why: str) -> None:
    """Raise `DefinitionError` if the segment demands the database, in which it cannot be evaluated."""
    if segment.engine == "database":
        with about("segments", segment.name, "sql" if segment.sql else "where"):
            raise DefinitionError(
                f"segment {segment.name} cannot be evaluated in the database: {why}",
                next_step="write it with what both engines compare alike (docs/engines.md), or declare `engine: auto`",
            )


def _elsewhere(tables: Sequence[str], project: Project) -> str:
    """Why the tables are not in one database; empty if they are."""
    for name in tables:
        if name in project.segments:
            return f"it reads segment {name}, whose members are in staging"
        if not isinstance(project.datasets[name].source, Sql):
            return f"dataset {name} is of type {project.datasets[name].source.type}, not sql"
    conn_ids = sorted({project.datasets[name].source.airflow_conn_id for name in tables})
    return f"its datasets are of several connections: {', '.join(conn_ids)}" if len(conn_ids) > 1 else ""


def _configs(tables: Sequence[str], project: Project) -> dict[str, Sql]:
    sources = ((name, project.datasets[name].source) for name in tables)
    return {name: source for name, source in sources if isinstance(source, Sql)}


def _translated(rule: str, tables: Sequence[str], project: Project, connections: Connections) -> Pushdown:
    opened: dict[str, SqlSource] = {}
    relations: dict[str, Relation] = {}
    for name, config in _configs(tables, project).items():
        with about("datasets", name):
            opened[name] = config.open(connections, dataset=name)
            relations[name] = opened[name].relation()
    return Pushdown(translate(rule, relations, Postgres()), relations, next(iter(opened.values())))
