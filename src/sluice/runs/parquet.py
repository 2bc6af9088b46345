"""Records as a Parquet file, which can also be declared as a dataset."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from sluice.runs.record import EARLIEST, LATEST, Record, micros

if TYPE_CHECKING:
    import pyarrow as pa

NUMBERS = ("files", "records", "rejected", "duplicates", "bytes", "warnings")
TIMES = ("started", "ended", "recorded")
TEXTS = (
    *("export", "kind", "connection", "application", "run", "flow_run_id", "outcome", "why", "mode", "window"),
    "manifest",
)
NEWER = ("application",)
"""Texts that files of earlier versions lack."""


def schema() -> pa.Schema:
    """The columns: those of a record, and its `id`."""
    import pyarrow as pa

    fields = [pa.field("id", pa.string()), pa.field("version", pa.int32()), pa.field("seconds", pa.float64())]
    fields += [pa.field(name, pa.string()) for name in TEXTS]
    fields += [pa.field(name, pa.timestamp("us", "UTC")) for name in TIMES]
    fields += [pa.field(name, pa.int64()) for name in NUMBERS]
    return pa.schema(fields)


def write(records: Sequence[Record]) -> bytes:
    """The file with these records, by export and time."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    ordered = sorted(records, key=lambda one: (one.export, one.recorded, one.id))
    table = pa.Table.from_pylist([one.model_dump() | {"id": one.id} for one in ordered], schema())
    sink = pa.BufferOutputStream()
    pq.write_table(table, sink, compression="zstd")
    return bytes(sink.getvalue())


def read(body: bytes) -> pa.Table:
    """The records of a file. Raises `ValueError` if it is not such a file."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    try:
        table = pq.read_table(pa.BufferReader(body))
        for name in set(NEWER) - set(table.column_names):
            table = table.append_column(name, pa.array([""] * table.num_rows, pa.string()))
        table = table.select(schema().names).cast(schema())
        table.validate(full=True)
    except (pa.ArrowException, OSError, KeyError) as corrupt:
        raise ValueError("this is not a file of records") from corrupt
    if any(table[name].null_count for name in table.column_names if name != "started"):
        raise ValueError("a record lacks a value")
    if not all(_is_sound(table[name]) for name in TIMES):
        raise ValueError("a record has an impossible time")
    return table


def _is_sound(times: pa.ChunkedArray) -> bool:
    """Whether Python can represent them."""
    import pyarrow as pa
    import pyarrow.compute as pc

    found = pc.min_max(times.cast(pa.int64())).as_py()
    return found["min"] is None or (found["min"] >= micros(EARLIEST) and found["max"] < micros(LATEST))
