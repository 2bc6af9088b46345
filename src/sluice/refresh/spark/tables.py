"""Pinned rows as tables of a Spark session."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any, Protocol

from sluice.errors import FatalError
from sluice.refresh.spark.addresses import literal
from sluice.refresh.spark.session import reporting
from sluice.refresh.spark.spelling import Spark
from sluice.refresh.spark.submit.job import opened, unlike, written
from sluice.refresh.spark.types import compared, spark_type
from sluice.sources.base import Pinned, Placed
from sluice.sql.translation.relation import Relation

if TYPE_CHECKING:
    import pyarrow as pa
    from pyspark.sql import SparkSession

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

    @property
    def named(self) -> str:
        """The table, for errors."""
        return f"dataset {self.dataset}"

    @cached_property
    def described(self) -> dict[str, Any]:
        """The table as a session reads it, and as JSON can hold it."""
        kinds = {field.name: spark_type(field) for field in self.pinned.schema}
        return {
            "name": self.named,
            "view": _view(self.dataset),
            "columns": [[_NAME(name), kind] for name, kind in kinds.items() if kind],
            "partitions": [_NAME(name) for name in self._partitions],
            "base": self.base,
            "paths": [literal(address) for address in self.addresses],
            "counts": self._counts() if self.addresses else [],
        }

    def open(self, session: SparkSession, conn_id: str) -> None:
        """Raises `FatalError` if the cluster does not see the pinned rows."""
        with reporting(conn_id, f"reading {self.named}"):
            frame = opened(session, self.described)
            frame.createOrReplaceTempView(_view(self.dataset))
            if found := unlike(frame, self.described):
                raise self.differing(*found)

    def differing(self, records: int, partitions: int) -> FatalError:
        """The error for a cluster that reads other rows than the pinned ones."""
        return FatalError(
            f"{self.named}: below {self.base} the cluster reads {records:,} records in {partitions:,} partitions, which"
            f" are not the {self.pinned.records:,} that the worker has pinned",
            next_step="let the cluster see the same files at the same address, or declare `engine: duckdb`",
        )

    @property
    def _partitions(self) -> list[str]:
        return list(next(iter(self.placed.fixed.values()), ()))

    def _counts(self) -> list[tuple[tuple[str | None, ...], int]]:
        """The records of each partition."""
        expected: Counter[tuple[str | None, ...]] = Counter()
        for piece in self.pinned.slices:
            values = self.placed.fixed.get(piece.unit, {})
            expected[written([values[name].as_py() for name in self._partitions])] += piece.records
        return list(expected.items())


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
