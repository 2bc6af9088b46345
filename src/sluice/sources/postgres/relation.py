"""How PostgreSQL's columns are compared, and which databases compare them so."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

from sluice.sources.postgres.columns import Column
from sluice.sources.postgres.session import row_of
from sluice.sql import quote
from sluice.sql.translation.relation import Compared
from sluice.sql.translation.spelling import Kind, UnlikeError

if TYPE_CHECKING:
    from adbc_driver_postgresql.dbapi import Cursor

_KINDS: dict[str, Kind] = {
    "bool": "bool",
    "int2": "whole",
    "int4": "whole",
    "int8": "whole",
    "float8": "float",
    "text": "text",
    "varchar": "text",
    "date": "date",
    "timestamp": "timestamp",
    "timestamptz": "timestamptz",
}
_DIGITS = 18
"""Digits of a decimal column. DuckDB compares longer ones as doubles once a constant has many decimals."""
_LEAST = 120_000
"""The oldest `server_version_num`: since then, every expression may name its collation."""


def compared(columns: Iterable[Column]) -> dict[str, Compared]:
    """The columns by name, as PostgreSQL compares them."""
    return {one.name: Compared(_kind_of(one), one.server, one.type) for one in columns}


def query_name(dataset: str) -> str:
    """The name of a dataset's common table expression, which no query can mean by chance."""
    return quote(f"sluice dataset {dataset}")


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


def _kind_of(column: Column) -> Kind | None:
    """What a column's values are; None if the two engines may compare them differently."""
    import pyarrow as pa

    if pa.types.is_decimal(column.type):
        return "decimal" if column.type.precision <= _DIGITS else None
    return _KINDS.get(column.server) if column.is_counterpart else None
