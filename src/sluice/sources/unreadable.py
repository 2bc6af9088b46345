"""Columns that exist but cannot be delivered: their types have no counterpart in any format, or they are nested too
deeply. A dataset with such columns can be read as long as an export does not use them."""

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
"""Maximum levels of lists, structs and maps in a column. Arrow's C data interface, through which engines exchange rows,
supports only a few levels more."""
PARSED = 300
"""Maximum levels when parsing a Parquet file: more than `DEEPEST`, so that the error can name the column."""

_WHY = b"sluice.unreadable"
_VARIANT = ({"metadata", "value"}, {"metadata", "value", "typed_value"})
_INTERVAL = 12
"""Bytes of a Parquet INTERVAL, which holds months, days and milliseconds."""


def unreadable(field: pa.Field, why: str) -> pa.Field:
    """A field for a column that cannot be delivered. `why` continues a sentence after the column's name: "of f.parquet
    is ...". The type is a placeholder, because a deeply nested type could not be serialized. Copies hold nulls."""
    import pyarrow as pa

    return pa.field(field.name, pa.binary(), metadata={_WHY: why})


def why_unreadable(field: pa.Field) -> str | None:
    """Why the column cannot be delivered. None if it can."""
    found = (field.metadata or {}).get(_WHY)
    return None if found is None else found.decode()


def fit(field: pa.Field, where: str) -> pa.Field:
    """The field with the type that rows have in memory, without metadata. Unreadable if it is nested too deeply, or if
    it already carries a reason: copies in staging keep theirs."""
    levels = max(depth for _, depth in _walk(field.type))
    if levels > DEEPEST:
        return unreadable(field, f"of {where} is nested {levels} levels deep, but at most {DEEPEST} are supported")
    if kept := why_unreadable(field):
        return unreadable(field, kept)
    return field.with_type(plain(field.type)).remove_metadata()


def variant(where: str) -> str:
    """Why a VARIANT column is unreadable."""
    return f"of {where} is a VARIANT, which cannot be delivered"


def stored_fields(file: pq.ParquetFile, name: str) -> list[pa.Field]:
    """The columns of a Parquet file. Those that cannot be delivered carry the reason."""
    schema = file.schema_arrow
    variants = any(map(_has_variant, schema)) and _says_variant(file)
    intervals = _intervals(file) if any(map(_has_interval, schema)) else set()
    fields = []
    for field in schema:
        one = fit(field, name)
        if variants and _has_variant(field):
            one = unreadable(one, variant(name))
        elif field.name in intervals:
            why = f"of {name} is an INTERVAL of months, days and milliseconds, which cannot be delivered"
            one = unreadable(one, why)
        fields.append(one)
    return fields


def unfit_column(footer: bytes) -> tuple[str, str] | None:
    """The first column that prevents Arrow from opening a file with this footer, and why. None if there is none. Parses
    the footer with Polars, which knows more types and levels."""
    import polars as pl

    with suppress(Exception):
        for name, kind in pl.read_parquet_schema(io.BytesIO(b"PAR1" + footer)).items():
            levels = _levels(kind)
            if levels > DEEPEST:
                return name, f"is nested {levels} levels deep, but at most {DEEPEST} are supported"
            if not _has_arrow_type(kind):
                return name, f"is of type {kind}, which Arrow does not have"
    return None


def _walk(kind: pa.DataType) -> Iterator[tuple[pa.DataType, int]]:
    """A type and all its inner types, each with its level. As in Parquet, a map counts as a list of structs."""
    waiting = [(kind, 0)]
    while waiting:  # not recursive, because types may be nested deeply
        one, depth = waiting.pop()
        yield one, depth
        waiting += [(one.field(number).type, depth + 1) for number in range(one.num_fields)]


def _has_variant(field: pa.Field) -> bool:
    """Whether the column looks like a variant. A struct with these fields may also be an ordinary struct."""
    import pyarrow as pa

    structs = (kind for kind, _ in _walk(field.type) if pa.types.is_struct(kind))
    return any({part.name for part in kind} in _VARIANT for kind in structs)


def _says_variant(file: pq.ParquetFile) -> bool:
    """Whether the file declares variants, by Parquet's logical type or in the schema that Spark writes."""
    spark = (file.metadata.metadata or {}).get(b"org.apache.spark.sql.parquet.row.metadata", b"")
    return "(Variant(" in str(file.schema) or b'"type":"variant"' in spark


def _has_interval(field: pa.Field) -> bool:
    import pyarrow as pa

    return any(kind.equals(pa.binary(_INTERVAL)) for kind, _ in _walk(field.type))


def _intervals(file: pq.ParquetFile) -> set[str]:
    """The names of columns that hold intervals. A path joins names with dots, and the names may contain dots too, so
    every prefix counts."""
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
