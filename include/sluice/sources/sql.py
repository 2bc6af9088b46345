"""Tables and queries of SQL databases, through the connections that Airflow has for them.

A database cannot be asked tomorrow for today's rows, so pinning copies them: one SELECT, which sees one state of the
data, streamed into Parquet files in the run's staging folder.
"""

from __future__ import annotations

import re
import threading
from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager
from typing import TYPE_CHECKING, Any, Literal

from pydantic import model_validator

from sluice.errors import DefinitionError, FatalError
from sluice.filesystem import Opened, open_filesystem
from sluice.model.access import Connections, SqlAccess
from sluice.sources.base import Pinned, Slice, SourceConfig, Spool
from sluice.sources.parquet import ParquetSource
from sluice.sources.spooling import spool_rows
from sluice.sql import quote

if TYPE_CHECKING:
    import pyarrow as pa


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

    def __init__(self, config: Sql, connections: Connections, *, dataset: str) -> None:
        self._config = config
        self._connections = connections
        self._dataset = dataset
        self._copies: dict[Spool, ParquetSource] = {}
        self._lock = threading.Lock()

    def pin(self, spool: Opened | None = None) -> Pinned:
        """Copy the rows. Raises `RetriableError` where the connection is lost on the way."""
        if spool is None:
            raise FatalError(
                f"dataset {self._dataset} comes from a database: it needs a staging folder to be copied to"
            )
        spool.remove([file.name for file in spool.list()])
        spool_rows(self._access(), self._select(), spool, origin=self._origin)
        where = Spool(airflow_conn_id=spool.conn_id, path=spool.path)
        return self._copy(where).pin().model_copy(update={"spool": where})

    def intact(self, pinned: Pinned) -> bool:
        return pinned.spool is not None and self._pinned_copy(pinned).intact(pinned)

    def read(self, pinned: Pinned, piece: Slice, columns: Sequence[str] | None) -> Iterator[pa.Table]:
        return self._pinned_copy(pinned).read(pinned, piece, columns)

    def scan(self, pinned: Pinned) -> AbstractContextManager[Any]:
        return self._pinned_copy(pinned).scan(pinned)

    @property
    def _origin(self) -> str:
        return f"dataset {self._dataset}: connection {self._config.airflow_conn_id}"

    def _select(self) -> str:
        if self._config.query is not None:
            return re.sub(r"[;\s]+$", "", self._config.query)
        return f"select * from {'.'.join(map(quote, (self._config.table or '').split('.')))}"  # noqa: S608

    def _access(self) -> SqlAccess:
        access = self._connections.get(self._config.airflow_conn_id)
        if not isinstance(access, SqlAccess):
            raise DefinitionError(
                f"{self._origin} is no SQL database",
                next_step="name a connection of a database, such as one of type postgres",
            )
        return access

    def _pinned_copy(self, pinned: Pinned) -> ParquetSource:
        if pinned.spool is None:
            raise FatalError(f"dataset {self._dataset} was pinned when it was no SQL source")
        return self._copy(pinned.spool)

    def _copy(self, spool: Spool) -> ParquetSource:
        with self._lock:
            if spool not in self._copies:
                opened = open_filesystem(self._connections, spool.airflow_conn_id, spool.path, read_only=True)
                self._copies[spool] = ParquetSource(opened, "", {}, dataset=self._dataset)
            return self._copies[spool]
