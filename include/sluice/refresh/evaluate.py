"""Evaluate a segment: its SQL on DuckDB, over Arrow, closed off from everything but the tables it reads."""

from __future__ import annotations

import hashlib
import re
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from datetime import datetime
from difflib import get_close_matches
from typing import TYPE_CHECKING

from sluice.definition.catalog import Dataset, Segment
from sluice.definition.project import Project
from sluice.errors import DefinitionError, FatalError, SluiceError, about
from sluice.filesystem.failures import outage
from sluice.model.access import Connections
from sluice.refresh.membership import Membership, current, publish, read_keys, table_path
from sluice.refresh.tables import tables_read
from sluice.sql import connect, quote

if TYPE_CHECKING:
    import duckdb

_THREADS = 2
_MEMORY = "1GB"
"""What the engine holds before it spills to the machine's temporary folder."""
_BATCH = 122_880


def evaluate_segment(project: Project, name: str, connections: Connections, run_key: str, now: datetime) -> Membership:
    """Write the segment's membership as of now and make it current.

    Evaluated again under the same `run_key`, it replaces that run's own table. Raises `DefinitionError` where the SQL
    is wrong, `FatalError` where it fails on the data or a segment that it reads has not been refreshed.
    """
    segment = project.segments[name]
    dataset = project.datasets[segment.dataset]
    planned = Membership(
        segment=name,
        path=table_path(name, run_key),
        records=0,
        refreshed_at=now,
        dataset=dataset.name,
        key=dataset.key,
        sql_digest=hashlib.sha256(_rule(segment, dataset).encode()).hexdigest(),
    )
    with tempfile.TemporaryDirectory(prefix="sluice-") as spill, ExitStack() as stack:
        engine = stack.enter_context(connect(threads=_THREADS, memory=_MEMORY, spill=spill))
        with _explained(segment):
            tables = tables_read(engine, _rule(segment, dataset)) | {dataset.name}
            _check_tables(tables, segment, project)
        for table in sorted(tables):
            stack.enter_context(_table(engine, table, project, connections))
        with _explained(segment):
            engine.sql(_rule(segment, dataset))
            keys = engine.sql(_members(engine, segment, dataset)).to_arrow_reader(_BATCH)
            return publish(planned, keys, project.settings.staging, connections)


def _rule(segment: Segment, dataset: Dataset) -> str:
    """The query whose first column holds the members. The declaration's own text begins on its second line."""
    if segment.sql is not None:
        return f"\n{segment.sql.strip().rstrip(';')}\n"
    return f"select {quote(dataset.key)} from {quote(dataset.name)} where (\n{segment.where}\n)"  # noqa: S608


def _members(engine: duckdb.DuckDBPyConnection, segment: Segment, dataset: Dataset) -> str:
    """Distinct keys in the type that the dataset has them in: so they compare without conversion ever after."""
    own = engine.sql(f"select {quote(dataset.key)} from {quote(dataset.name)} limit 0").types[0]  # noqa: S608
    return (
        f"select distinct cast(key as {own}) as {quote(dataset.key)} "  # noqa: S608
        f"from ({_rule(segment, dataset)}) as members(key) where key is not null order by 1"
    )


def _check_tables(tables: set[str], segment: Segment, project: Project) -> None:
    readable = {segment.dataset, *segment.reads}
    for table in sorted(tables):
        if table in readable:
            continue
        declared = table in project.datasets or table in project.segments
        near = get_close_matches(table, readable, 1)
        raise DefinitionError(
            f"segment {segment.name} reads {table!r}, which its `reads` does not name",
            nearest=None if declared or not near else near[0],
            known=sorted(readable),
            next_step=f"add {table} to its `reads`" if declared else "name a dataset or segment, and add it to `reads`",
        )


@contextmanager
def _table(engine: duckdb.DuckDBPyConnection, name: str, project: Project, connections: Connections) -> Iterator[None]:
    """Make a dataset's rows, or a segment's keys, a table of the engine."""
    if name in project.datasets:
        source = project.datasets[name].source.open(connections, dataset=name)
        with about("datasets", name), source.scan(source.pin()) as rows:
            engine.register(name, rows)
            yield
        return
    import pyarrow as pa

    staging = project.settings.staging
    membership = current(staging, name, connections)
    engine.register(name, pa.table({membership.key: read_keys(membership, staging, connections)}))
    yield


@contextmanager
def _explained(segment: Segment) -> Iterator[None]:
    """Turn what the engine raises into our errors about the segment, in the engine's own words."""
    import duckdb

    with about("segments", segment.name, "sql" if segment.sql else "where"):
        try:
            yield
        except duckdb.Error as error:
            raise _explanation(segment.name, error) from error


def _explanation(name: str, error: duckdb.Error) -> SluiceError:
    import duckdb

    text = f"segment {name}: {_in_its_lines(str(error).strip())}"
    if isinstance(error, duckdb.OutOfMemoryException):
        return FatalError(
            f"segment {name} needs more than {_MEMORY} of memory: {str(error).splitlines()[0]}",
            next_step="make its SQL simpler, for example by aggregating before it joins",
        )
    if isinstance(error, (duckdb.ParserException, duckdb.BinderException, duckdb.CatalogException)):
        return DefinitionError(text, next_step="correct the segment's SQL; DuckDB's rules apply")
    if isinstance(error, duckdb.PermissionException):
        return DefinitionError(text, next_step="read datasets and segments only, each named in `reads`")
    if "reading the stream registered as" in text:
        return outage(text, f"segment {name}") or FatalError(text, next_step="write the dataset's broken file again")
    return FatalError(
        text, next_step="correct the segment's SQL so that it accepts every value, or the data that it names"
    )


def _in_its_lines(text: str) -> str:
    """The engine's message with lines counted in the declaration's own text; what it quotes of ours is left out."""
    text = re.sub(r"LINE (\d+):", lambda line: f"LINE {int(line[1]) - 1}:", text)
    return re.sub(r"\s*LINE 0:.*", "", text, flags=re.DOTALL)
