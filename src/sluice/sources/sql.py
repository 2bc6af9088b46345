"""Tables and queries of SQL databases, through their Airflow connections.

A database cannot return today's rows again tomorrow, so pinning copies them: one SELECT, which sees one consistent
state of the data, is streamed into Parquet files in the run's staging folder.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import replace
from typing import TYPE_CHECKING, Any, Literal

from pydantic import model_validator

from sluice.errors import DefinitionError
from sluice.filesystem import Opened
from sluice.model.access import Connections, SqlAccess
from sluice.sources.base import Columns, Pinned, Slice, SourceConfig
from sluice.sources.databases import POSTGRES, asking, connected, explaining, query_rows
from sluice.sources.postgres.doubts import doubts
from sluice.sources.postgres.identity import identity
from sluice.sources.postgres.reach import Reach
from sluice.sources.postgres.relation import compared, query_name, refuse_others
from sluice.sources.postgres.rows import columns_of
from sluice.sources.postgres.session import session
from sluice.sources.spooling import Copies
from sluice.sql import quote
from sluice.sql.names import doubled
from sluice.sql.translation.relation import Compared, Relation
from sluice.sql.translation.spelling import UnlikeError

if TYPE_CHECKING:
    import pyarrow as pa


class Sql(SourceConfig):
    """A table, view or query. PostgreSQL is read over ADBC, other databases through their Airflow provider."""

    type: Literal["sql"]
    table: str | None = None
    """The table or view, as `name` or `schema.name`."""
    query: str | None = None
    """One SELECT in the database's SQL dialect, instead of `table`."""

    @model_validator(mode="after")
    def _one_origin(self) -> Sql:
        if (self.table is None) == (self.query is None):
            raise ValueError("a SQL source needs either `table` or `query`, not both")
        return self

    def relation(self, dataset: str, columns: Mapping[str, Compared] | None = None) -> Relation:
        """The rows as a part of a translated query."""
        if self.query is None:
            return Relation(self.from_, columns)
        return Relation(query_name(dataset), columns, self.select)

    @property
    def from_(self) -> str:
        """The table as SQL; empty for a query."""
        return ".".join(map(quote, self.table.split("."))) if self.table else ""

    @property
    def select(self) -> str:
        """The SELECT of all rows."""
        if self.query is not None:
            return re.sub(r"[;\s]+$", "", self.query)
        return f"select * from {self.from_}"  # noqa: S608

    def open(self, connections: Connections, *, dataset: str) -> SqlSource:
        return SqlSource(self, connections, dataset=dataset)


class SqlSource:
    """An opened query. Safe to read from many threads."""

    def __init__(self, config: Sql, connections: Connections, *, dataset: str, reach: Reach | None = None) -> None:
        self._config = config
        self._reach = reach
        self._connections = connections
        self._dataset = dataset
        self._copies = Copies(connections, dataset=dataset)

    def pin(self, spool: Opened | None = None) -> Pinned:
        """Copy the rows. Raises `RetriableError` if the connection is lost meanwhile."""
        table = self._identity()
        rows = query_rows(self._access(), self._config.select, origin=self._origin, reach=self._reach)
        return self._copies.write(rows, spool).model_copy(update={"table": table})

    def columns(self) -> Columns:
        """The columns, from a query without rows. Through DB-API, this gives names but no types."""
        query = f"select * from ({self._config.select}\n) sluice_rows where 1 = 0"  # noqa: S608 - the declaration's own
        return Columns(next(query_rows(self._access(), query, origin=self._origin)).schema)

    def above(self, column: str, at: str) -> SqlSource:
        """Skips rows in PostgreSQL only: its comparisons are tested."""
        return self._within(replace(self._reach or Reach(column), above=at))

    def settled(self, column: str) -> SqlSource:
        """Skips rows in PostgreSQL only: it shows its open transactions."""
        return self._within(replace(self._reach or Reach(column), settled=True))

    def doubts(self, column: str) -> list[str]:
        access = self._access()
        if access.conn_type not in POSTGRES:
            return [
                f"Sluice cannot see the open transactions of a database of type {access.conn_type}; declare `late`"
                " (times) or `behind` (whole numbers)"
            ]
        with asking(access, self._config.from_, column, self._origin) as cursor:
            return list(doubts(cursor, self._config.from_, column))

    def relation(self) -> Relation:
        """The rows as a part of a translated query. Raises `UnlikeError` if the database is not a PostgreSQL whose
        answers are known to be DuckDB's."""
        access = self._access()
        if access.conn_type not in POSTGRES:
            raise UnlikeError(f"connection {self._config.airflow_conn_id} is of type {access.conn_type}, not postgres")
        query = self._config.select
        with (
            connected(access, self._origin) as connection,
            explaining(query, self._origin),
            session(connection) as cursor,
        ):
            refuse_others(cursor)
            columns = columns_of(cursor, query)
        if twice := doubled(one.name for one in columns):
            raise UnlikeError(f"dataset {self._dataset} has two columns named {twice}")
        return self._config.relation(self._dataset, compared(columns))

    def rows_of(self, query: str) -> Iterator[pa.Table]:
        """The rows of a query that was translated for this source's database, as at least one table."""
        return query_rows(self._access(), query, origin=self._origin)

    def intact(self, pinned: Pinned) -> bool:
        return self._copies.of(pinned).intact(pinned)

    def read(
        self,
        pinned: Pinned,
        piece: Slice,
        columns: Sequence[str] | None,
        rows: pa.Array | None = None,
        *,
        as_decoded: bool = False,
    ) -> Iterator[pa.Table]:
        return self._copies.of(pinned).read(pinned, piece, columns, rows, as_decoded=as_decoded)

    def cost(self, pinned: Pinned, piece: Slice, columns: Sequence[str] | None) -> int:
        return self._copies.of(pinned).cost(pinned, piece, columns)

    def scan(self, pinned: Pinned) -> AbstractContextManager[Any]:
        return self._copies.of(pinned).scan(pinned)

    @property
    def _origin(self) -> str:
        return f"dataset {self._dataset}: connection {self._config.airflow_conn_id}"

    def _within(self, reach: Reach) -> SqlSource:
        if self._access().conn_type not in POSTGRES:
            return self
        return SqlSource(self._config, self._connections, dataset=self._dataset, reach=reach)

    def _identity(self) -> str | None:
        if self._reach is None or not self._config.from_:
            return None
        access = self._access()
        with asking(access, self._config.from_, self._reach.column, self._origin) as cursor:
            return identity(cursor, self._config.from_, self._reach)

    def _access(self) -> SqlAccess:
        access = self._connections.get(self._config.airflow_conn_id)
        if not isinstance(access, SqlAccess):
            raise DefinitionError(
                f"{self._origin} is not a SQL database",
                next_step="use a connection to a database, for example one of type postgres",
            )
        return access
