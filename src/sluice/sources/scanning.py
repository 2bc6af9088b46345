"""Pinned Parquet files as one `pyarrow` dataset, which a query engine scans on its own."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import cache
from typing import TYPE_CHECKING, Any

from sluice.filesystem import Opened
from sluice.memory import budget
from sluice.sources.base import Pinned
from sluice.sources.unreadable import PARSED, why_unreadable
from sluice.sql.types import is_foreign

if TYPE_CHECKING:
    import pyarrow as pa
    from pyarrow import dataset as pa_dataset

_BATCH = 131_072
"""Arrow's default for rows per batch."""


def dataset_of(opened: Opened, pinned: Pinned, fixed: Mapping[str, Mapping[str, pa.Scalar]]) -> pa_dataset.Dataset:
    """The pinned files as a dataset, with the partition values of each file. A query's columns and simple comparisons
    are pushed down, so partitions and row groups that cannot match are not read. Columns that cannot be delivered, or
    that the engine has no type for, are left out."""
    import pyarrow as pa

    file_format = _format(pre_buffer=not opened.local)
    fragments = [
        file_format.make_fragment(opened.at(unit), opened.filesystem, partition_expression=_known(fixed.get(unit, {})))
        for unit in pinned.units
    ]
    readable = pa.schema(
        [field for field in pinned.schema if why_unreadable(field) is None and not is_foreign(field.type)]
    )
    schema = _as_stored(readable, [fragment.physical_schema for fragment in fragments])
    found = _bounded()(fragments, schema, file_format, opened.filesystem)
    found.bounds = _bounds(pinned)
    return found


def _bounds(pinned: Pinned) -> dict[str, int]:
    """Limits for a scan of large row groups. By default, Arrow decodes whole row groups of several files in
    parallel, which could exceed the memory budget."""
    largest = max(pinned.slices, key=lambda piece: piece.bytes, default=None)
    if largest is None or 4 * largest.bytes <= budget().rows.size:
        return {}
    rows = budget().table * largest.records // largest.bytes
    return {"batch_size": max(1, min(rows, _BATCH)), "batch_readahead": 1, "fragment_readahead": 1}


@cache
def _bounded() -> type[Any]:
    """A dataset class that adds limits to every scan. DuckDB calls `scanner` itself, so they cannot be passed in."""
    from pyarrow import dataset as pa_dataset

    class Bounded(pa_dataset.FileSystemDataset):  # type: ignore[misc]
        bounds: Mapping[str, int] = {}

        def scanner(self, **options: Any) -> pa_dataset.Scanner:
            return super().scanner(**{**self.bounds, **options})

    return Bounded


def _as_stored(schema: pa.Schema, stored: Sequence[pa.Schema]) -> pa.Schema:
    """The schema, with the type of a column changed to a view if every file stores it as a view. A comparison is pushed
    into the file unchanged, and Arrow cannot compare text with a view of text."""
    import pyarrow as pa

    views = {pa.string(): pa.string_view(), pa.binary(): pa.binary_view()}
    kinds: dict[str, set[pa.DataType]] = {}
    for held in (held for one in stored for held in one):
        kinds.setdefault(held.name, set()).add(held.type)
    return pa.schema(
        [
            field.with_type(views[field.type]) if kinds.get(field.name) == {views.get(field.type)} else field
            for field in schema
        ]
    )


def _format(*, pre_buffer: bool) -> pa_dataset.ParquetFileFormat:
    from pyarrow import dataset as pa_dataset

    return pa_dataset.ParquetFileFormat(
        read_options=pa_dataset.ParquetReadOptions(coerce_int96_timestamp_unit="us"),
        default_fragment_scan_options=pa_dataset.ParquetFragmentScanOptions(
            page_checksum_verification=True,
            pre_buffer=pre_buffer,
            use_buffered_stream=True,
            arrow_extensions_enabled=True,
            schema_depth_limit=PARSED,
        ),
    )


def _known(fixed: Mapping[str, pa.Scalar]) -> pa_dataset.Expression | None:
    from pyarrow import dataset as pa_dataset

    known = None
    for key, value in fixed.items():
        column = pa_dataset.field(key)
        one = column == value if value.is_valid else column.is_null()
        known = one if known is None else known & one
    return known
