"""The keys that another engine has found, as a stream that DuckDB reads."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Protocol

from sluice.errors import SluiceError
from sluice.sql.translation.relation import Relation

if TYPE_CHECKING:
    import pyarrow as pa


class Elsewhere(Protocol):
    """A segment that another engine than DuckDB evaluates."""

    @property
    def engine(self) -> str:
        """The engine's name, for the log. Its version may only be known after `keys`."""
        ...

    @property
    def relations(self) -> Mapping[str, Relation]:
        """The tables that it reads, with their columns."""
        ...

    def keys(self) -> Keys:
        """The members' keys, with duplicates, in no particular order."""
        ...


class Keys:
    """A stream that DuckDB can read once. Its error is kept, because the engine would only report its text."""

    def __init__(self, tables: Iterator[pa.Table], moved: str = "") -> None:
        self._tables = tables
        self.failure: SluiceError | None = None
        self.moved = moved
        """How they came to the worker, for the log. Empty if there is only one way."""

    def reader(self) -> pa.RecordBatchReader:
        """The rows."""
        import pyarrow as pa

        first = next(self._tables)
        return pa.RecordBatchReader.from_batches(first.schema, self._batches(first))

    def _batches(self, first: pa.Table) -> Iterator[pa.RecordBatch]:
        try:
            yield from first.to_batches()
            for table in self._tables:
                yield from table.to_batches()
        except SluiceError as error:
            self.failure = error
            raise


def schemas(elsewhere: Elsewhere) -> dict[str, pa.Schema]:
    """The columns of each table, as they would be delivered."""
    import pyarrow as pa

    return {
        name: pa.schema([pa.field(own, column.type) for own, column in (relation.columns or {}).items()])
        for name, relation in elsewhere.relations.items()
    }
