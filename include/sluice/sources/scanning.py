"""Pinned Parquet files as one `pyarrow` dataset, which a query engine scans by itself."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from sluice.filesystem import Opened
from sluice.sources.base import Pinned
from sluice.sources.unreadable import PARSED, why_unreadable

if TYPE_CHECKING:
    import pyarrow as pa
    from pyarrow import dataset as pa_dataset


def dataset_of(opened: Opened, pinned: Pinned, fixed: Mapping[str, Mapping[str, pa.Scalar]]) -> pa_dataset.Dataset:
    """The pinned files, with the values that a file's folders fix. A query's columns and simple comparisons are pushed
    into it: partitions and row groups that cannot match are not read. Columns that cannot be handed on are left out."""
    import pyarrow as pa
    from pyarrow import dataset as pa_dataset

    file_format = _format(pre_buffer=not opened.local)
    fragments = [
        file_format.make_fragment(opened.at(unit), opened.filesystem, partition_expression=_known(fixed.get(unit, {})))
        for unit in pinned.units
    ]
    readable = pa.schema([field for field in pinned.schema if why_unreadable(field) is None])
    schema = _as_stored(readable, [fragment.physical_schema for fragment in fragments])
    return pa_dataset.FileSystemDataset(fragments, schema, file_format, opened.filesystem)


def _as_stored(schema: pa.Schema, stored: Sequence[pa.Schema]) -> pa.Schema:
    """The schema with those columns as views that every file stores as views: a comparison is pushed into a file as it
    is, and Arrow compares no text with a view of text."""
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
