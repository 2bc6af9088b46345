"""Evaluate a segment: run its SQL in the database that holds its tables, on a Spark cluster, or on DuckDB over Arrow,
in a sandbox with only the tables that it reads."""

from __future__ import annotations

import hashlib
import re
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from datetime import datetime
from difflib import get_close_matches
from typing import TYPE_CHECKING, Any

from sluice.definition.models.catalog import Dataset, Segment, Spark
from sluice.definition.models.project import Project, Staging
from sluice.errors import DefinitionError, FatalError, SluiceError, about
from sluice.filesystem import Opened, open_filesystem
from sluice.filesystem.failures import outage
from sluice.foreign import said
from sluice.memory import budget, use
from sluice.model.access import Connections
from sluice.refresh.keys import Elsewhere, schemas
from sluice.refresh.membership import (
    Membership,
    make_current,
    members,
    members_key,
    read_keys,
    table_path,
    write_table,
)
from sluice.refresh.pushdown import in_database
from sluice.refresh.rows import ReadFrom, stage_rows
from sluice.refresh.spark.cluster import on_cluster
from sluice.refresh.tables import tables_read
from sluice.sql import connect, parser, quote
from sluice.sql.expression import one_expression
from sluice.sql.names import Names, names_of
from sluice.sql.spelling import respelled
from sluice.sql.spilling import disk_full
from sluice.sql.tree import without_end

if TYPE_CHECKING:
    import duckdb

_THREADS = 2
_BATCH = 122_880
_KEYS = "sluice keys"
"""The name in the engine of the keys that another engine streams. No dataset's name has a space."""


def evaluate_segment(project: Project, name: str, connections: Connections, run_key: str, now: datetime) -> Membership:
    """Write the segment's current members to a membership table, and make that table current.

    A second evaluation with the same `run_key` replaces that run's table. Raises `DefinitionError` if the SQL is wrong,
    `FatalError` if it fails on the data or if a segment that it reads has not been refreshed.
    """
    use(project.settings.memory, engine=True)
    segment = project.segments[name]
    dataset = project.datasets[segment.dataset]
    planned = Membership(
        segment=name,
        path=table_path(name, run_key),
        records=0,
        refreshed_at=now,
        dataset=dataset.name,
        key=members_key(dataset),
        sql_digest=hashlib.sha256(rule_of(segment, dataset).encode()).hexdigest(),
    )
    tables = tables_of(segment, dataset, project)
    read_from: dict[str, ReadFrom] = {}
    staging = project.settings.staging
    with tempfile.TemporaryDirectory(prefix="sluice-") as spill, ExitStack() as stack:
        copies = stack.enter_context(_copies(planned, staging, connections))
        engine = stack.enter_context(connect(threads=_THREADS, memory=budget().engine, spill=spill))
        chosen = _chosen(segment, rule_of(segment, dataset), tables, project, connections, copies, stack)
        if isinstance(chosen, str):
            planned = planned.model_copy(update={"why": chosen})
            read = {table: _rows(table, project, connections, copies, stack, read_from) for table in tables}
        else:
            read = {table: schema.empty_table() for table, schema in schemas(chosen).items()}
        names = names_of(*(rows.schema for rows in read.values()))
        for table, rows in read.items():
            _register(engine, table, rows, names)
        with _explained(segment, rule_of(segment, dataset)):
            rule = respelled(engine, rule_of(segment, dataset), names)
        with _explained(segment, rule):
            # Explain first: DuckDB reports the line of an error only for a statement that it executes.
            engine.execute(f"explain {rule}").fetchall()
        with _explained(segment, rule), _streamed(chosen, engine) as (streamed, how):
            keys = engine.sql(_members(engine, streamed or rule, dataset, names)).to_arrow_reader(_BATCH)
            written = write_table(planned.model_copy(update=how), keys, staging, connections)
    # Only now: leaving the block has checked that the data did not change while it was read.
    written = stage_rows(written, dataset, read_from.get(dataset.name), staging, connections)
    return make_current(written, staging, connections)


def rule_of(segment: Segment, dataset: Dataset) -> str:
    """The query whose first column holds the members. The declaration's own text starts on its second line."""
    if segment.sql is not None:
        return f"\n{without_end(segment.sql).strip()}\n"
    return f"select {quote(members_key(dataset))} from {quote(dataset.name)} where (\n{segment.where}\n)"  # noqa: S608


def _chosen(
    segment: Segment,
    rule: str,
    tables: list[str],
    project: Project,
    connections: Connections,
    copies: Opened,
    stack: ExitStack,
) -> Elsewhere | str:
    """The engine that evaluates the segment, or the reason why DuckDB does. `stack` closes its resources."""
    if isinstance(segment.engine, Spark):
        return stack.enter_context(on_cluster(segment, rule, tables, project, connections, copies))
    return in_database(segment, rule, tables, project, connections)


@contextmanager
def _streamed(chosen: Elsewhere | str, engine: duckdb.DuckDBPyConnection) -> Iterator[tuple[str, dict[str, str]]]:
    """A query for the keys that another engine finds, and what it is and how they came here; empty if DuckDB evaluates
    the segment."""
    import duckdb

    if isinstance(chosen, str):
        yield "", {}
        return
    keys = chosen.keys()
    engine.register(_KEYS, keys.reader())
    try:
        yield f"select * from {quote(_KEYS)}", {"engine": chosen.engine, "moved": keys.moved}  # noqa: S608 - our own name
    except (duckdb.Error, OSError):
        if keys.failure is None:
            raise
        raise keys.failure from keys.failure.__cause__


def _register(engine: duckdb.DuckDBPyConnection, table: str, rows: Any, names: Names) -> None:
    """Register the rows as a table with the engine's column names. Columns are matched by position, because the engine
    cannot distinguish names that differ only in case."""
    own = rows.schema.names
    if all(names[name] == name for name in own):
        engine.register(table, rows)
        return
    stored = f"{table} as it is stored"
    engine.register(stored, rows)
    columns = ", ".join(quote(names[name]) for name in own)
    engine.execute(f"create view {quote(table)} as select * from {quote(stored)} as stored({columns})")  # noqa: S608


def _members(engine: duckdb.DuckDBPyConnection, rule: str, dataset: Dataset, names: Names) -> str:
    """A query for the distinct keys, cast to the key's type in the dataset, so later comparisons need no conversion."""
    key = names[names.own(members_key(dataset)) or members_key(dataset)]
    own = engine.sql(f"select {quote(key)} from {quote(dataset.name)} limit 0").types[0]  # noqa: S608
    return (
        f"select distinct cast(key as {own}) as {quote(members_key(dataset))} "  # noqa: S608
        f"from ({rule}) as members(key) where key is not null order by 1"
    )


def tables_of(segment: Segment, dataset: Dataset, project: Project) -> list[str]:
    """The tables that the segment reads. Raises `DefinitionError` if one is missing in its `reads`."""
    rule = rule_of(segment, dataset)
    with parser() as engine, _explained(segment, rule):
        named = tables_read(engine, rule)
        if segment.where is not None:
            one_expression(segment.where)
        _check_tables(named, segment, project)
    return sorted(named | {dataset.name})


def _check_tables(tables: set[str], segment: Segment, project: Project) -> None:
    readable = {segment.dataset, *segment.reads}
    for table in sorted(tables - readable):
        declared = table in project.datasets or table in project.segments
        near = get_close_matches(table, readable, 1)
        raise DefinitionError(
            f"segment {segment.name} reads {table!r}, which is missing in its `reads`",
            nearest=None if declared or not near else near[0],
            known=sorted(readable),
            next_step=f"add {table} to its `reads`" if declared else "name a dataset or segment, and add it to `reads`",
        )


def _rows(
    name: str,
    project: Project,
    connections: Connections,
    copies: Opened,
    stack: ExitStack,
    read_from: dict[str, ReadFrom],
) -> Any:
    """A dataset's rows, or a segment's keys, in a form that the engine can scan. `stack` closes its resources. Adds to
    `read_from` what is pinned of a dataset."""
    if name in project.datasets:
        with about("datasets", name):
            source = project.datasets[name].source.open(connections, dataset=name)
            read_from[name] = ReadFrom(source, source.pin(copies.below(name)))
            return stack.enter_context(source.scan(read_from[name].pinned))
    import pyarrow as pa

    staging, segment = project.settings.staging, project.segments[name]
    with about("segments", name):
        membership = members(segment, project.datasets[segment.dataset], staging, connections)
        return pa.table({membership.key: read_keys(membership, staging, connections)})


@contextmanager
def _copies(planned: Membership, staging: Staging, connections: Connections) -> Iterator[Opened]:
    """A temporary folder for data that a source has to copy to pin it."""
    opened = open_filesystem(connections, staging.airflow_conn_id, staging.path)
    folder = planned.path.removesuffix(".parquet") + ".copies"
    try:
        yield opened.below(folder)
    finally:
        opened.remove_tree(folder)


@contextmanager
def _explained(segment: Segment, rule: str) -> Iterator[None]:
    """Turn the engine's errors about the rule into Sluice's errors about the segment."""
    import duckdb

    with about("segments", segment.name, "sql" if segment.sql else "where"):
        try:
            yield
        except duckdb.Error as error:
            raise _explanation(segment.name, error, rule) from None


def _explanation(name: str, error: duckdb.Error, rule: str) -> SluiceError:
    """Errors in the SQL keep the engine's message: no row was read yet. Errors in the data are shown without values."""
    import duckdb

    text = f"segment {name}: {_in_its_lines(str(error).strip())}"
    shown = f"segment {name}: {_in_its_lines(said(error, rule))}"
    if full := disk_full(error, shown):
        return full
    if isinstance(error, duckdb.OutOfMemoryException):
        return FatalError(
            f"segment {name} needs more than {budget().engine}, the SQL engine's share of the project's memory",
            next_step="declare more `memory` in project.yaml, or make its SQL simpler: aggregate before it joins",
        )
    if isinstance(error, (duckdb.ParserException, duckdb.BinderException, duckdb.CatalogException)):
        return DefinitionError(text, next_step="correct the segment's SQL, which DuckDB runs")
    if isinstance(error, duckdb.PermissionException):
        return DefinitionError(text, next_step="read only datasets and segments, and name each in `reads`")
    if "reading the stream registered as" in text:
        down = outage(text, f"segment {name}: reading its rows failed")
        return down or FatalError(shown, next_step="write the dataset's broken file again")
    return FatalError(
        shown,
        next_step="correct the segment's SQL so that it accepts every value, or correct the data",
    )


def _in_its_lines(text: str) -> str:
    """The engine's message with line numbers of the declaration's own text; quotes of the query around it are
    dropped."""
    text = re.sub(r"LINE (\d+):", lambda line: f"LINE {int(line[1]) - 1}:", text)
    return re.sub(r"\s*LINE 0:.*", "", text, flags=re.DOTALL)
