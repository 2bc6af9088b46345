"""Apache Parquet."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any, Literal

from pydantic import Field, model_validator

from sluice.formats.base import Format, Refused, declared
from sluice.formats.nested import is_nested, nested
from sluice.formats.pages import GzippedPages
from sluice.formats.pieces import Pieces
from sluice.formats.plain import Convert, is_packed, packed
from sluice.formats.text import plain
from sluice.formats.values import narrow

if TYPE_CHECKING:
    import pyarrow as pa
    import pyarrow.parquet as pq

Codec = Literal["none", "gzip", "snappy", "zstd"]

_EXTENSIONS: dict[Codec, str] = {
    "none": ".parquet",
    "gzip": ".gz.parquet",
    "snappy": ".snappy.parquet",
    "zstd": ".zstd.parquet",
}
_LEVELS: dict[Codec, tuple[int, range]] = {"gzip": (2, range(4)), "zstd": (3, range(1, 23))}
"""Of each codec that has levels: the default, and the known ones."""
_SAMPLE, _FEW = 4_096, 0.95
"""A column is worth a dictionary where at most this share of so many rows (of an eighth of them, if that is less) is
distinct."""


class Parquet(Format):
    """Parquet: `.parquet`, or `.gz.parquet` with its pages gzipped; `.snappy.parquet`, `.zstd.parquet`."""

    type: Literal["parquet"]
    compression: Codec = "gzip"
    """How pages are compressed: `gzip`, `snappy`, `zstd` or `none`."""
    compression_level: int | None = None
    """Of gzip 0 to 3 (2 unless given), of zstd 1 to 22 (3 unless given)."""
    row_group: int = Field(default=122_880, ge=1, le=1_048_576)
    """Rows in one row group, held in memory until it is full."""

    @model_validator(mode="after")
    def _known_level(self) -> Parquet:
        _, known = _LEVELS.get(self.compression, (None, range(0)))
        if self.compression_level is not None and self.compression_level not in known:
            span = f"from {known[0]} to {known[-1]}" if known else "at all"
            raise ValueError(f"{self.compression} has no compression_level {self.compression_level}: give one {span}")
        return self

    @property
    def extension(self) -> str:
        return _EXTENSIONS[self.compression]

    def hold(self, kind: pa.DataType) -> Convert | None:
        return in_parquet(kind)

    def encoder(self, schema: pa.Schema) -> RowGroups:
        default, _ = _LEVELS.get(self.compression, (None, None))
        level = default if self.compression_level is None else self.compression_level
        if self.compression == "gzip":
            return RowGroups(schema, self.row_group, {"compression": "none"}, GzippedPages(level or 0))
        return RowGroups(schema, self.row_group, {"compression": self.compression, "compression_level": level})


def in_parquet(kind: pa.DataType) -> Convert | None:
    """Dictionaries, runs and views as what they hold, so that a file depends on its values alone; None where a value
    is written as it is. Raises `Refused`."""
    import pyarrow as pa

    is_a = pa.types
    if isinstance(kind, pa.BaseExtensionType):
        if in_parquet(kind.storage_type):
            raise Refused("Parquet has no such type")
        return None
    if is_packed(kind):
        return packed(kind, in_parquet)
    if is_a.is_struct(kind) and not kind.num_fields:
        raise Refused("Parquet has no struct without fields")
    if is_a.is_fixed_size_list(kind) and in_parquet(kind.value_type) is None:
        return None
    if is_nested(kind):
        return nested(kind, in_parquet, in_parquet)
    if is_a.is_decimal(kind):
        return narrow(kind)
    if is_a.is_string_view(kind) or is_a.is_binary_view(kind):
        whole = pa.large_string() if is_a.is_string_view(kind) else pa.large_binary()
        return lambda values: values.cast(whole)
    if is_a.is_interval(kind):
        raise Refused("Parquet readers do not agree on intervals of months")
    return None


class RowGroups:
    """Row groups of the same size, whatever tables the rows come in; the last holds the rest."""

    def __init__(
        self, schema: pa.Schema, rows: int, options: dict[str, Any], gzipped: GzippedPages | None = None
    ) -> None:
        self._schema, self._rows, self._options, self._gzipped = schema, rows, options, gzipped
        self._converts = [in_parquet(kind) for kind in schema.types]
        self._waiting: list[pa.Table] = []
        self._sink = Pieces()
        self._writer: pq.ParquetWriter | None = None

    def encode(self, table: pa.Table) -> Iterator[bytes]:
        start, whole = 0, plain(declared(table, self._schema, layout=True), self._schema, self._converts)
        while (end := start + self._rows - self._count()) <= whole.num_rows:
            self._write([*self._waiting, whole.slice(start, end - start)])
            self._waiting, start = [], end
            yield self._pages()
        if start < whole.num_rows:
            self._waiting.append(whole.slice(start))

    def close(self) -> Iterator[bytes]:
        if self._waiting or self._writer is None:
            self._write(self._waiting)
            yield self._pages()
        assert self._writer is not None  # noqa: S101 - for the type checker: `_write` has made it
        self._writer.close()
        footer = self._sink.take()
        yield self._gzipped.footer(footer) if self._gzipped else footer

    def _pages(self) -> bytes:
        """What the writer has written of its row groups."""
        written = self._sink.take()
        return self._gzipped.pages(written) if self._gzipped else written

    def _count(self) -> int:
        return sum(table.num_rows for table in self._waiting)

    def _write(self, tables: list[pa.Table]) -> None:
        import pyarrow as pa

        rows = pa.concat_tables(tables).combine_chunks() if tables else self._empty()
        writer = self._open(rows)
        if rows.num_rows:
            writer.write_table(rows, row_group_size=self._rows)

    def _open(self, first: pa.Table) -> pq.ParquetWriter:
        import pyarrow.parquet as pq

        if self._writer is None:
            self._writer = pq.ParquetWriter(
                self._sink, first.schema, use_dictionary=_repetitive(first), write_batch_size=4096, **self._options
            )
        return self._writer

    def _empty(self) -> pa.Table:
        import pyarrow as pa

        arrays = [pa.nulls(0, kind) for kind in self._schema.types]
        converted = [step(array) if step else array for step, array in zip(self._converts, arrays, strict=True)]
        return pa.table(converted, names=self._schema.names)


def _repetitive(rows: pa.Table) -> list[str]:
    """The columns, by their Parquet paths, whose first values repeat: only these are worth a dictionary."""
    first = rows.slice(0, min(_SAMPLE, rows.num_rows // 8))
    return [
        path
        for name in rows.column_names
        for path, values in _leaves(name, first[name].combine_chunks())
        if _repeats(values)
    ]


def _repeats(values: pa.Array) -> bool:
    import pyarrow as pa
    import pyarrow.compute as pc

    try:
        return len(pc.unique(values)) <= _FEW * len(values)
    except pa.ArrowNotImplementedError:  # narrow decimals; the writer gives up a dictionary that grows too large
        return True


def _leaves(path: str, values: pa.Array) -> Iterator[tuple[str, pa.Array]]:
    import pyarrow as pa

    kind = values.type
    if isinstance(kind, pa.BaseExtensionType):
        yield from _leaves(path, values.storage)
    elif pa.types.is_struct(kind):
        for field, part in zip(kind, values.flatten(), strict=True):
            yield from _leaves(f"{path}.{field.name}", part)
    elif pa.types.is_map(kind):
        entries = values.cast(pa.list_(pa.struct([("key", kind.key_type), ("value", kind.item_type)])))
        yield from _leaves(f"{path}.key_value", entries.flatten())
    elif is_nested(kind):
        yield from _leaves(f"{path}.list.element", values.flatten())
    elif not pa.types.is_null(kind):
        yield path, values
