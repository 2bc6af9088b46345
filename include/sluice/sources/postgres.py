"""Rows from PostgreSQL over ADBC: binary from the server to Arrow, without Python in between."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from sluice.errors import FatalError
from sluice.foreign import said
from sluice.model.access import SqlAccess
from sluice.sql import quote

if TYPE_CHECKING:
    import adbc_driver_postgresql.dbapi as adbc
    import pyarrow as pa

_NATIVE = {
    *("bool", "int2", "int4", "int8", "float4", "float8", "numeric", "text", "varchar", "bpchar", "name", "bytea"),
    *("date", "time", "timestamp", "timestamptz", "_bool", "_int2", "_int4", "_int8", "_float4", "_float8", "_text"),
    *("_varchar", "_date", "_timestamp", "_timestamptz"),
}
"""Types that come as their Arrow counterparts. All others come as PostgreSQL's own text: `uuid`, `jsonb`, `inet`."""
_ENDLESS = {"date", "timestamp", "timestamptz"}
_BATCH_BYTES = 16 * 2**20


def connect(access: SqlAccess) -> adbc.Connection:
    import adbc_driver_postgresql.dbapi as adbc

    return adbc.connect(re.sub(r"^postgres(ql)?(\+\w+)?://", "postgresql://", access.uri))


def tables(connection: adbc.Connection, query: str) -> Iterator[pa.Table]:
    """The query's rows; at least one table, which may be empty. `numeric(p, s)` comes as a decimal, and as text where
    it has no precision of its own: then nothing else holds every value."""
    import pyarrow as pa

    with connection.cursor() as cursor:
        cursor.adbc_statement.set_options(**{"adbc.postgresql.batch_size_hint_bytes": str(_BATCH_BYTES)})
        cursor.execute(f"select * from (\n{query}\n) as rows limit 0")  # noqa: S608 - the declaration's own query
        fields = list(cursor.fetch_record_batch().schema)
        cursor.execute(f"select {', '.join(map(_select, fields))} from (\n{query}\n) as rows")  # noqa: S608
        reader = _reader(cursor)
        schema = pa.schema([pa.field(f.name, _type(f)) for f in reader.schema])
        yield schema.empty_table()
        for batch in reader:
            yield pa.Table.from_arrays(
                [_column(batch.column(i), reader.schema.field(i), f.type) for i, f in enumerate(schema)], schema=schema
            )


def _reader(cursor: adbc.Cursor) -> pa.RecordBatchReader:
    """As `fetch_record_batch`, but what fails on the way keeps its SQLSTATE: there it is an `OSError` of text alone."""
    from adbc_driver_manager._reader import AdbcRecordBatchReader

    handle = cursor.fetch_arrow()
    return AdbcRecordBatchReader._import_from_c(handle.address)


def _server_type(field: pa.Field) -> str:
    return str((field.metadata or {}).get(b"POSTGRESQL:type", b""), "utf-8").strip("'")


def _select(field: pa.Field) -> str:
    name = quote(field.name)
    return name if _server_type(field) in _NATIVE else f"{name}::text as {name}"


def _type(field: pa.Field) -> pa.DataType:
    import pyarrow as pa

    if _server_type(field) != "numeric":
        return field.type
    modifier = int(str((field.metadata or {}).get(b"POSTGRESQL:typmod", b"-1"), "utf-8").strip("'")) - 4
    precision, scale = modifier >> 16, modifier & 0x7FF
    if modifier < 0 or scale > precision or precision > 76:
        return pa.string()
    return pa.decimal128(precision, scale) if precision <= 38 else pa.decimal256(precision, scale)


def _column(column: pa.Array, field: pa.Field, type_: pa.DataType) -> pa.Array:
    import pyarrow as pa

    server = _server_type(field)
    stored = column.storage if isinstance(column, pa.ExtensionArray) else column
    if server in _ENDLESS:
        _refuse_endless(stored, field)
    try:
        return stored.cast(type_)
    except ValueError as error:
        raise FatalError(
            f"column {field.name!r} of type {server} does not fit {type_}: {said(error)}",
            next_step=f"cast it in the source's `query`, for example {field.name}::text",
        ) from error


def _refuse_endless(column: Any, field: pa.Field) -> None:
    """`infinity` has no date: the driver would make some day of the year 294277 or of 290308 BC of it."""
    import pyarrow as pa
    import pyarrow.compute as pc

    width = pa.int32() if pa.types.is_date32(column.type) else pa.int64()
    bounds = pc.min_max(column.view(width))
    most = (2_932_896, -719_162) if width == pa.int32() else (253_402_300_799_999_999, -62_135_596_800_000_000)
    if bounds["max"].is_valid and (bounds["max"].as_py() > most[0] or bounds["min"].as_py() < most[1]):
        raise FatalError(
            f"column {field.name!r} holds `infinity`, or a date outside of the years 1 to 9999",
            next_step=f"replace it in the source's `query`, for example by nullif({field.name}, 'infinity')",
        )
