"""Pinned rows as tables of a Spark session."""

from __future__ import annotations

import re
from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol

from sluice.errors import FatalError
from sluice.refresh.spark.session import reporting
from sluice.refresh.spark.spelling import Spark
from sluice.refresh.spark.types import compared, spark_type
from sluice.sources.base import Pinned, Placed
from sluice.sql.translation.relation import Relation

if TYPE_CHECKING:
    import pyarrow as pa
    from pyspark.sql import DataFrame, SparkSession

_GLOB = re.compile(r"[{}\[\]*?\\]")
"""Characters of a path that Spark would take for a pattern."""
_NAME = Spark().name


class Table(Protocol):
    """A table that a translated query reads."""

    @property
    def relation(self) -> Relation: ...

    def open(self, session: SparkSession, conn_id: str) -> None:
        """Make it a table of the session."""
        ...


@dataclass(frozen=True)
class Files:
    """Pinned files that the cluster reads itself."""

    dataset: str
    pinned: Pinned
    placed: Placed
    base: str
    """The address of the folder whose `key=value` folders hold the values of partition columns."""
    addresses: tuple[str, ...]

    @property
    def relation(self) -> Relation:
        return Relation(_view(self.dataset), compared(self.pinned.schema))

    def open(self, session: SparkSession, conn_id: str) -> None:
        """Raises `FatalError` if the cluster does not see the pinned rows."""
        with reporting(conn_id, f"reading dataset {self.dataset}"):
            frame = self._frame(session)
            frame.createOrReplaceTempView(_view(self.dataset))
            if self.addresses:
                self._compare(frame)

    @property
    def _partitions(self) -> list[str]:
        return list(next(iter(self.placed.fixed.values()), ()))

    def _frame(self, session: SparkSession) -> DataFrame:
        kinds = {field.name: spark_type(field) for field in self.pinned.schema}
        schema = ", ".join(f"{_NAME(name)} {kind}" for name, kind in kinds.items() if kind)
        if not self.addresses:
            return session.createDataFrame([], schema)
        reader = session.read.schema(schema)
        if self._partitions:
            reader = reader.option("basePath", self.base)
        return reader.parquet(*(_GLOB.sub(r"\\\g<0>", address) for address in self.addresses))

    def _compare(self, frame: DataFrame) -> None:
        """Compare the number of records of each partition with the pinned ones. A cluster may have another folder at
        the same address, skip files by their names, or read the folders' values in its own way."""
        from pyspark.sql.connect import functions as spark

        keys = [_NAME(name) for name in self._partitions]
        counted = frame.groupBy(*keys).agg(spark.count(spark.lit(1))).toArrow()
        seen: Counter[tuple[Any, ...]] = Counter()
        for *values, records in zip(*(column.to_pylist() for column in counted.columns), strict=True):
            seen[tuple(values)] += records
        if +seen != +self._expected():
            raise FatalError(
                f"dataset {self.dataset}: below {self.base} the cluster reads {seen.total():,} records in {len(seen):,}"
                f" partitions, which are not the {self.pinned.records:,} that the worker has pinned",
                next_step="let the cluster see the same files at the same address, or declare `engine: duckdb`",
            )

    def _expected(self) -> Counter[tuple[Any, ...]]:
        expected: Counter[tuple[Any, ...]] = Counter()
        for piece in self.pinned.slices:
            values = self.placed.fixed.get(piece.unit, {})
            expected[tuple(values[name].as_py() for name in self._partitions)] += piece.records
        return expected


@dataclass(frozen=True)
class Sent:
    """Keys that are sent to the cluster, which does not see where they are."""

    name: str
    keys: pa.Table

    @property
    def relation(self) -> Relation:
        return Relation(_view(self.name), compared(self.keys.schema))

    def open(self, session: SparkSession, conn_id: str) -> None:
        with reporting(conn_id, f"sending the members of segment {self.name}"):
            session.createDataFrame(self.keys).createOrReplaceTempView(_view(self.name))


def _view(table: str) -> str:
    """The quoted name of a table in the session. No declared name has a space."""
    return _NAME(f"sluice {table}")
