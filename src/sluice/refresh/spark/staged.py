"""How the members' keys come from the cluster to the worker: as files in staging, or over Spark Connect."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any
from uuid import uuid4

from sluice.errors import FatalError
from sluice.filesystem import Opened
from sluice.model.access import Access
from sluice.refresh.spark.addresses import address_of, literal
from sluice.refresh.spark.session import reporting

if TYPE_CHECKING:
    import pyarrow as pa
    from pyspark.sql import DataFrame, SparkSession

_BATCH = 65_536


@dataclass(frozen=True)
class Staged:
    """A folder of staging."""

    folder: Opened
    access: Access
    session: SparkSession

    @cached_property
    def seen(self) -> bool:
        """Whether the cluster sees the folder. It must find what the worker writes there: a folder of the same name on
        its own disk is another one."""
        from pyspark.errors import PySparkException

        word, name = uuid4().hex, f"{uuid4().hex}.txt"
        if (address := address_of(self.access, self.folder, name)) is None:
            return False
        self.folder.write_bytes(name, word.encode())
        with suppress(PySparkException):
            return [row[0] for row in self.session.read.text(literal(address)).collect()] == [word]
        return False

    def written(self, frame: DataFrame, conn_id: str) -> Iterator[pa.Table]:
        """The keys, which the cluster writes to Parquet files in the folder. Raises `FatalError` if the worker does not
        find as many as the cluster has counted."""
        from pyspark.sql.connect import functions as spark
        from pyspark.sql.connect.observation import Observation

        place = uuid4().hex  # what an earlier attempt may still be writing is elsewhere
        counted: Any = Observation()
        observed = frame.observe(counted, spark.count(spark.lit(1)).alias("records"))
        with reporting(conn_id, f"writing the keys to {self.folder.conn_id}"):
            observed.write.parquet(str(address_of(self.access, self.folder, place)))
            records = int(counted.get["records"])
        yield from collected(self.folder, place, records, conn_id)


def collected(folder: Opened, place: str, records: int, conn_id: str) -> Iterator[pa.Table]:
    """The keys that the cluster has written. Raises `FatalError` if the worker does not find as many as it has
    counted."""
    found = 0
    for table in _tables(folder, place):
        found += table.num_rows
        yield table
    if found != records:
        raise FatalError(
            f"connection {conn_id}: the cluster has written {records:,} keys, and {found:,} are in {folder.conn_id}",
            next_step="clear the task; if it happens again, let the cluster and the workers see the same staging",
        )


def streamed(frame: DataFrame, conn_id: str) -> Iterator[pa.Table]:
    """The keys as Arrow batches over Spark Connect, one after another."""
    import pyarrow as pa

    connected: Any = frame
    client = connected.sparkSession.client
    with reporting(conn_id, "receiving the keys"):
        # The public `toArrow` would hold all of them in memory, and `toLocalIterator` makes an object of each row.
        for item in client.to_table_as_iterator(connected._plan.to_proto(client), {}):
            if isinstance(item, pa.Table):
                yield item


def _tables(folder: Opened, place: str) -> Iterator[pa.Table]:
    """The rows of each file, after a table without rows: a file may hold only its columns."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    parts = [file.name for file in folder.list(place) if file.name.endswith(".parquet")]
    for part in parts:
        with folder.reporting(f"reading {part}"), folder.open_input(part) as stream:
            file = pq.ParquetFile(stream)
            yield file.schema_arrow.empty_table()
            for batch in file.iter_batches(_BATCH, use_threads=False):
                yield pa.Table.from_batches([batch])
