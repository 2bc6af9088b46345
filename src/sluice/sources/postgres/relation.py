"""A dataset as PostgreSQL's SQL names it: a table, or a query."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from sluice.errors import DefinitionError
from sluice.sources.postgres.columns import Column
from sluice.sources.postgres.kinds import UnlikeError
from sluice.sources.postgres.session import row_of
from sluice.sql import quote
from sluice.sql.names import Names

if TYPE_CHECKING:
    from adbc_driver_postgresql.dbapi import Cursor

_LEAST = 120_000
"""The oldest `server_version_num`: since then, every expression may name its collation."""


@dataclass(frozen=True)
class Relation:
    """Rows of a database that a translated query reads."""

    dataset: str
    query: str
    """The table's quoted name, or the query."""
    is_query: bool
    """Whether it is a query. It is then evaluated once, however often it is read."""
    columns: Mapping[str, Column] | None
    """Its columns by name. None if the database has not been asked: then every name is taken for a column."""

    @property
    def name(self) -> str:
        """The name of its common table expression, which no query can mean by chance."""
        return quote(f"sluice dataset {self.dataset}")

    def has(self, written: str) -> bool:
        """Whether a column has this name, in any case."""
        return self.columns is None or written in Names(self.columns)

    def own(self, written: str) -> str | None:
        """The column that a name in SQL refers to; None if it is ambiguous."""
        if self.columns is None:
            return written
        try:
            return Names(self.columns).own(written)
        except DefinitionError:
            return None


def refuse_others(cursor: Cursor) -> None:
    """Raise `UnlikeError` for databases that speak PostgreSQL's protocol but are none, and for texts that are not
    stored as UTF-8, whose order is another one."""
    version, number, encoding = row_of(
        cursor,
        "select version(), current_setting('server_version_num')::int, current_setting('server_encoding')",
    )
    if not version.startswith("PostgreSQL ") or "Redshift" in version or number < _LEAST:
        raise UnlikeError(f"the database is {version.split(' on ')[0]}, not PostgreSQL {_LEAST // 10_000} or later")
    if encoding != "UTF8":
        raise UnlikeError(f"the database stores text as {encoding}, not as UTF8")
