"""Columns that are there and cannot be handed on: their types have no counterpart in what is delivered, or they are
nested too deep. Their data is read as long as nothing names them."""

from __future__ import annotations

import io
from collections.abc import Iterable, Iterator
from contextlib import suppress
from typing import TYPE_CHECKING

from sluice.sources.widening import plain

if TYPE_CHECKING:
    import polars as pl
    import pyarrow as pa
    import pyarrow.parquet as pq

DEEPEST = 60
"""Levels of lists, structs and maps in a column. Arrow's C data interface, over which engines exchange rows, ends a few
levels later."""
PARSED = 300
"""Levels that a Parquet file is parsed to, so that a column which is too deep can be named."""

_WHY = b"sluice.unreadable"
_VARIANT = ({"metadata", "value"}, {"metadata", "value", "typed_value"})
_INTERVAL = 12
"""Bytes of a Parquet INTERVAL: months, days and milliseconds."""


def unreadable(field: pa.Field, why: str) -> pa.Field:
    """The field of a column that is not handed on. `why` goes on after the column's name: "of f.parquet is ...". Its
    type stands for nothing: schemas travel in layouts that end at some depth, and copies hold nulls in its place."""
    import pyarrow as pa

    return pa.field(field.name, pa.binary(), metadata={_WHY: why})


def why_unreadable(field: pa.Field) -> str | None:
    """Why the column is not handed on; None if it is."""
    found = (field.metadata or {}).get(_WHY)
    return None if found is None else found.decode()


def fit(field: pa.Field, where: str) -> pa.Field:
    """The field in the type that rows travel in, without metadata; unreadable if it is nested too deep. A reason that
    it has already stays: copies in staging keep it."""
    levels = max(depth for _, depth in _walk(field.type))
    if levels > DEEPEST:
        return unreadable(field, f"of {where} is nested {levels} levels deep, and {DEEPEST} are read")
    if kept := why_unreadable(field):
        return unreadable(field, kept)
    return field.with_type(plain(field.type)).remove_metadata()


def variant(where: str) -> str:
    return f"of {where} is a VARIANT, which is not delivered"


def stored_fields(file: pq.ParquetFile, name: str) -> list[pa.Field]:
    """The columns of a Parquet file, those that cannot be handed on with the reason."""
    schema = file.schema_arrow
    variants = any(map(_has_variant, schema)) and _says_variant(file)
    intervals = _intervals(file) if any(map(_has_interval, schema)) else set()
    fields = []
    for field in schema:
        one = fit(field, name)
        if variants and _has_variant(field):
            one = unreadable(one, variant(name))
        elif field.name in intervals:
            one = unreadable(one, f"of {name} is an INTERVAL of months, days and milliseconds, which is not delivered")
        fields.append(one)
    return fields


def unfit_column(footer: bytes) -> tuple[str, str] | None:
    """The first column for which Arrow cannot open a file with this footer, and why; None if there is no such column.
    Polars knows more types and levels."""
    import polars as pl

    with suppress(Exception):
        for name, kind in pl.read_parquet_schema(io.BytesIO(b"PAR1" + footer)).items():
            levels = _levels(kind)
            if levels > DEEPEST:
                return name, f"is nested {levels} levels deep, and {DEEPEST} are read"
            if not _has_arrow_type(kind):
                return name, f"is of type {kind}, which Arrow does not have"
    return None


def _walk(kind: pa.DataType) -> Iterator[tuple[pa.DataType, int]]:
    """A type and all that it is made of, each with its level; maps count as lists of structs, as Parquet has them."""
    waiting = [(kind, 0)]
    while waiting:
        one, depth = waiting.pop()
        yield one, depth
        waiting += [(one.field(number).type, depth + 1) for number in range(one.num_fields)]


def _has_variant(field: pa.Field) -> bool:
    """Whether the column looks like one: a struct of these parts may be any other thing too."""
    import pyarrow as pa

    structs = (kind for kind, _ in _walk(field.type) if pa.types.is_struct(kind))
    return any({part.name for part in kind} in _VARIANT for kind in structs)


def _says_variant(file: pq.ParquetFile) -> bool:
    """Whether the file says that it has variants: by Parquet's logical type, or in the schema that Spark leaves."""
    spark = (file.metadata.metadata or {}).get(b"org.apache.spark.sql.parquet.row.metadata", b"")
    return "(Variant(" in str(file.schema) or b'"type":"variant"' in spark


def _has_interval(field: pa.Field) -> bool:
    import pyarrow as pa

    return any(kind.equals(pa.binary(_INTERVAL)) for kind, _ in _walk(field.type))


def _intervals(file: pq.ParquetFile) -> set[str]:
    """The names of columns that hold intervals. A path has points between its names, which may have points too."""
    leaves = (file.schema.column(number) for number in range(len(file.schema)))
    return {name for leaf in leaves if leaf.converted_type == "INTERVAL" for name in _starts(leaf.path.split("."))}


def _starts(names: list[str]) -> Iterable[str]:
    return (".".join(names[:count]) for count in range(1, len(names) + 1))


def _levels(kind: pl.DataType) -> int:
    waiting, deepest = [(kind, 0)], 0
    while waiting:
        one, depth = waiting.pop()
        deepest = max(deepest, depth)
        parts = [field.dtype for field in getattr(one, "fields", ())] or [getattr(one, "inner", None)]
        waiting += [(part, depth + 1) for part in parts if part is not None]
    return deepest


def _has_arrow_type(kind: pl.DataType) -> bool:
    import polars as pl
    import pyarrow as pa

    try:
        pl.Series([], dtype=kind).to_arrow()
    except pa.ArrowException:
        return False
    return True
