"""Tables and queries of SQL databases, through the connections that Airflow has for them.

A database cannot be asked tomorrow for today's rows, so pinning copies them: one SELECT, which sees one state of the
data, streamed into Parquet files in the run's staging folder.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager
from datetime import date, timedelta
from typing import TYPE_CHECKING, Any, Literal

from pydantic import model_validator

from sluice.errors import DefinitionError
from sluice.filesystem import Opened
from sluice.model.access import Connections, SqlAccess
from sluice.sources.base import Columns, Pinned, Slice, SourceConfig
from sluice.sources.databases import POSTGRES, query_rows
from sluice.sources.spooling import Copies
from sluice.sql import quote

if TYPE_CHECKING:
    import pyarrow as pa


_EARLY = timedelta(days=2)


class Sql(SourceConfig):
    """A table, a view or a query: PostgreSQL over ADBC, any other database through its own Airflow provider."""

    type: Literal["sql"]
    table: str | None = None
    """The table or view, as `name` or `schema.name`."""
    query: str | None = None
    """One SELECT in the database's own SQL, in place of `table`."""

    @model_validator(mode="after")
    def _one_origin(self) -> Sql:
        if (self.table is None) == (self.query is None):
            raise ValueError("a SQL source has either `table` or `query`")
        return self

    def open(self, connections: Connections, *, dataset: str) -> SqlSource:
        return SqlSource(self, connections, dataset=dataset)


class SqlSource:
    """An opened query. Safe to read from many threads."""

    def __init__(self, config: Sql, connections: Connections, *, dataset: str, condition: str = "") -> None:
        self._config = config
        self._condition = condition
        self._connections = connections
        self._dataset = dataset
        self._copies = Copies(connections, dataset=dataset)

    def pin(self, spool: Opened | None = None) -> Pinned:
        """Copy the rows. Raises `RetriableError` where the connection is lost on the way."""
        return self._copies.write(query_rows(self._access(), self._select(), origin=self._origin), spool)

    def columns(self) -> Columns:
        """By a query of no rows. Through DB-API that tells no types."""
        query = f"select * from (\n{self._select()}\n) sluice_rows where 1 = 0"  # noqa: S608 - the declaration's own
        return Columns(next(query_rows(self._access(), query, origin=self._origin)).schema)

    def above(self, column: str, at: str) -> SqlSource:
        """In PostgreSQL, whose comparisons are tested. Times are cut two days early: whatever the column's zone and
        precision, a date compares with it, and who reads the copy looks at every row again."""
        if self._access().conn_type not in POSTGRES:
            return self
        bound = f"'{date.fromisoformat(at[:10]) - _EARLY}'" if at.endswith("Z") else str(int(at))
        condition = f"where {quote(column)} > {bound} or {quote(column)} is null"
        return SqlSource(self._config, self._connections, dataset=self._dataset, condition=condition)

    def intact(self, pinned: Pinned) -> bool:
        return self._copies.of(pinned).intact(pinned)

    def read(
        self, pinned: Pinned, piece: Slice, columns: Sequence[str] | None, *, as_decoded: bool = False
    ) -> Iterator[pa.Table]:
        return self._copies.of(pinned).read(pinned, piece, columns, as_decoded=as_decoded)

    def scan(self, pinned: Pinned) -> AbstractContextManager[Any]:
        return self._copies.of(pinned).scan(pinned)

    @property
    def _origin(self) -> str:
        return f"dataset {self._dataset}: connection {self._config.airflow_conn_id}"

    def _select(self) -> str:
        if self._config.query is not None:
            select = re.sub(r"[;\s]+$", "", self._config.query)
        else:
            select = f"select * from {'.'.join(map(quote, (self._config.table or '').split('.')))}"  # noqa: S608
        return f"select * from (\n{select}\n) as rows {self._condition}" if self._condition else select  # noqa: S608

    def _access(self) -> SqlAccess:
        access = self._connections.get(self._config.airflow_conn_id)
        if not isinstance(access, SqlAccess):
            raise DefinitionError(
                f"{self._origin} is no SQL database",
                next_step="name a connection of a database, such as one of type postgres",
            )
        return access
