"""Checks the columns named in a segment's SQL: the engine binds the SQL to empty tables."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any

from sluice.columns.finding import Finding, no_column, of_error
from sluice.definition.load import Subject
from sluice.definition.models.catalog import Dataset, Segment
from sluice.definition.models.project import Project
from sluice.errors import DefinitionError
from sluice.refresh.evaluate import rule_of, tables_of
from sluice.refresh.membership import members_key
from sluice.sources.base import Columns
from sluice.sql import connect
from sluice.sql.names import names_of
from sluice.sql.spelling import respelled
from sluice.sql.types import is_foreign, refuse_foreign

if TYPE_CHECKING:
    import pyarrow as pa

_MOST = 20
"""The maximum number of unknown columns reported for one segment. The engine stops at the first one, so the SQL is
bound again with that column added."""
_EXPLAIN = "explain "
_QUALIFIED = re.compile(r'(?:\w+|"[^"]+")\.(\w+|"[^"]+")')


def of_segment(segment: Segment, project: Project, known: Mapping[str, Columns]) -> Iterator[Finding]:
    """The problems of a segment's columns. Empty if the columns of a table that it reads are not known."""
    subject: Subject = ("segments", segment.name, "sql" if segment.sql else "where")
    dataset = project.datasets[segment.dataset]
    try:
        names = tables_of(segment, dataset, project)
    except DefinitionError as error:
        yield of_error(error, subject)
        return
    tables = {name: table_schema(name, project, known) for name in names}
    found = {name: table for name, table in tables.items() if table is not None}
    if len(found) == len(tables):
        sure = all(known[name].whole for name in names if name in known)
        try:
            yield from _unbound(segment, dataset, found, subject, sure=sure)
        except DefinitionError as error:
            yield of_error(error, subject, sure=sure)


def table_schema(name: str, project: Project, known: Mapping[str, Columns]) -> pa.Schema | None:
    """The columns of a dataset, or the only column of another segment: its members' keys. None if they are not
    known."""
    import pyarrow as pa

    if name in project.datasets:
        return known[name].schema if name in known else None
    dataset = project.datasets[project.segments[name].dataset]
    columns = known.get(dataset.name)
    if columns is None or members_key(dataset) not in columns.schema.names:
        return None
    return pa.schema([columns.schema.field(members_key(dataset))])


def _unbound(
    segment: Segment, dataset: Dataset, tables: dict[str, pa.Schema], subject: Subject, *, sure: bool
) -> Iterator[Finding]:
    import pyarrow as pa

    reported: set[str] = set()
    shapes = dict(tables)
    if members_key(dataset) not in shapes[dataset.name].names:  # reported for the dataset
        shapes[dataset.name] = shapes[dataset.name].append(pa.field(members_key(dataset), pa.null()))
    while len(reported) < _MOST and (failure := _failure(rule_of(segment, dataset), shapes)):
        name = _column(failure, tables)
        if name is None or name in reported:
            if not reported and not any(str(kind) == "null" for shape in tables.values() for kind in shape.types):
                yield of_error(_as_error(segment, failure), subject, sure=sure)
            return
        reported.add(name)
        if unusable := [table.field(name) for table in tables.values() if name in table.names]:
            yield from _refused(unusable, subject, sure=sure)
            return
        names = [column for table in tables.values() for column in table.names]
        yield no_column(subject, name, names, datasets=list(tables), sure=sure)
        shapes[dataset.name] = shapes[dataset.name].append(pa.field(name, pa.null()))


def _refused(fields: list[pa.Field], subject: Subject, *, sure: bool) -> Iterator[Finding]:
    try:
        refuse_foreign(fields)
    except DefinitionError as error:
        yield of_error(error, subject, word=fields[0].name, sure=sure)


def _failure(rule: str, tables: Mapping[str, pa.Schema]) -> dict[str, Any] | None:
    """The engine's error about the query, as an object; None if the query binds. Raises `DefinitionError` if a name in
    the query is ambiguous."""
    import duckdb
    import pyarrow as pa

    names = names_of(*tables.values())
    with connect(errors_as_json=True) as engine:
        for name, schema in tables.items():
            usable = pa.schema([field for field in schema if not is_foreign(field.type)])
            engine.register(name, usable.empty_table().rename_columns([names[own] for own in usable.names]))
        rule = respelled(engine, rule, names)
        try:
            engine.execute(f"{_EXPLAIN}{rule}").fetchall()
        except duckdb.Error as error:
            details: dict[str, Any] = json.loads(str(error).partition(": ")[2])
            return details | {"words": _words(f"{_EXPLAIN}{rule}", details)}
    return None


def _words(query: str, details: Mapping[str, Any]) -> str:
    """The part of the query that the error points at. The engine counts bytes."""
    start, length = json.loads(details.get("location", "[0, 0]"))
    return query.encode()[start : start + length].decode(errors="replace")


def _column(failure: Mapping[str, Any], tables: Mapping[str, pa.Schema]) -> str | None:
    """The column that does not exist; None if the error is about something else. For `table.column` the engine only
    points at the words."""
    if failure.get("error_subtype") == "COLUMN_NOT_FOUND":
        return str(failure["name"])
    qualified = _QUALIFIED.fullmatch(failure["words"]) if failure["exception_type"] == "Binder" else None
    name = qualified[1].strip('"') if qualified else None
    there = {column.lower() for table in tables.values() for column in table.names}
    return name if name and name.lower() not in there else None


def _as_error(segment: Segment, failure: Mapping[str, Any]) -> DefinitionError:
    what = str(failure["exception_message"]).partition("\n\t")[0].strip()  # without a page of candidate functions
    return DefinitionError(
        f"segment {segment.name}: {what}", next_step="correct the segment's SQL; DuckDB's rules apply"
    )
