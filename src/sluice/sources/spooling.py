"""Copies rows to staging as Parquet, for data that cannot be pinned in place."""

from __future__ import annotations

import threading
from collections.abc import Iterable
from typing import TYPE_CHECKING

from sluice.errors import FatalError
from sluice.filesystem import Opened, open_filesystem
from sluice.memory import budget
from sluice.model.access import Connections
from sluice.model.weight import weight
from sluice.sources.base import Pinned, Spool
from sluice.sources.parquet import ParquetSource
from sluice.sources.unreadable import why_unreadable

if TYPE_CHECKING:
    import pyarrow as pa

_GROUP = 122_880
"""Rows per row group, and so per slice. Large rows make smaller groups."""

_CHECKED = 64
"""Values after which the writer checks the page size. With fewer checks, pages of large values would need much
memory to read."""


class Copies:
    """A dataset's copied rows in staging. Safe to use from many threads."""

    def __init__(self, connections: Connections, *, dataset: str) -> None:
        self._connections = connections
        self._dataset = dataset
        self._opened: dict[Spool, ParquetSource] = {}
        self._lock = threading.Lock()

    def write(self, tables: Iterable[pa.Table], spool: Opened | None) -> Pinned:
        """Copy the rows into `spool` and pin the copy. Replaces what an earlier attempt left there. Raises `FatalError`
        without a folder."""
        if spool is None:
            raise FatalError(f"dataset {self._dataset} cannot be pinned in place: it needs a staging folder for a copy")
        spool.remove([file.name for file in spool.list()])
        _write(tables, spool)
        where = Spool(airflow_conn_id=spool.conn_id, path=spool.path)
        return self._copy(where).pin().model_copy(update={"spool": where})

    def of(self, pinned: Pinned) -> ParquetSource:
        """The pinned copy, opened."""
        if pinned.spool is None:
            raise FatalError(
                f"dataset {self._dataset} was pinned in place, but can now only be read through a copy",
                next_step="clear the run from `extract` on",
            )
        return self._copy(pinned.spool)

    def _copy(self, spool: Spool) -> ParquetSource:
        with self._lock:
            if spool not in self._opened:
                opened = open_filesystem(self._connections, spool.airflow_conn_id, spool.path, read_only=True)
                self._opened[spool] = ParquetSource(opened, "", {}, dataset=self._dataset)
            return self._opened[spool]


def under(schema: pa.Schema, batch: pa.RecordBatch) -> pa.Table:
    """Rows as they are copied: in the types of the schema, with null for columns that cannot be delivered."""
    import pyarrow as pa

    columns = [
        pa.nulls(batch.num_rows, field.type) if why_unreadable(field) else batch.column(field.name).cast(field.type)
        for field in schema
    ]
    return pa.Table.from_arrays(columns, schema=schema)


def readable(schema: pa.Schema) -> list[str]:
    """The columns to copy: those that can be delivered."""
    return [field.name for field in schema if why_unreadable(field) is None]


def _write(tables: Iterable[pa.Table], spool: Opened) -> None:
    """Write one file per schema. Most queries have one schema, but DB-API rows show their types only as they
    arrive."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    rows, most = iter(tables), budget().whole
    table = next(rows, None)
    number = 0
    while table is not None:
        schema, number = table.schema, number + 1
        with (
            spool.open_output(f"{number:05d}.parquet") as sink,
            pq.ParquetWriter(sink, schema, compression="zstd", write_batch_size=_CHECKED) as to,
        ):
            waiting: list[pa.Table] = []
            count = size = 0
            # A table of another schema ends this file and starts the next one.
            while table is not None and table.schema.equals(schema):
                waiting.append(table)
                count, size = count + table.num_rows, size + weight(table)
                if count >= _GROUP or size >= most:
                    to.write_table(pa.concat_tables(waiting), row_group_size=_GROUP)
                    waiting, count, size = [], 0, 0
                table = next(rows, None)
            if waiting:
                to.write_table(pa.concat_tables(waiting), row_group_size=_GROUP)
