"""The seam between where data lives and rows: a source pins what a run will read, and reads it slice by slice."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Protocol

from pydantic import BaseModel, ConfigDict

from sluice.model.access import Connections
from sluice.model.declared import Declared

if TYPE_CHECKING:
    import pyarrow as pa


class Slice(BaseModel):
    """A run of rows that is read in one go, in an order that never changes: `records` rows of one pinned unit.

    `unit` is the source's own word for it (a file), `index` its part of that unit (a row group, a page)."""

    model_config = ConfigDict(frozen=True)

    unit: str
    index: int
    records: int
    bytes: int = 0
    """Uncompressed bytes, as far as the source knows; 0 where it does not."""


class Pinned(BaseModel):
    """What a run has pinned of one dataset: reading it twice gives the same rows in the same order, or an error."""

    model_config = ConfigDict(frozen=True)

    version: str
    """What was pinned, in the source's own terms: a snapshot id, a digest over a file list."""
    schema_ipc: str
    """The Arrow schema, serialised and Base64-encoded."""
    units: dict[str, str]
    """Each unit's fingerprint (size, modification time, ETag), compared again before it is read."""
    slices: tuple[Slice, ...]

    @property
    def records(self) -> int:
        return sum(s.records for s in self.slices)

    @property
    def schema(self) -> pa.Schema:
        import base64

        import pyarrow as pa

        return pa.ipc.read_schema(pa.py_buffer(base64.b64decode(self.schema_ipc)))


class Source(Protocol):
    """An opened source of one dataset. Safe to read from many threads."""

    def schema(self) -> pa.Schema:
        """The columns and their types. Raises `FatalError` where the data is missing or not readable."""
        ...

    def pin(self) -> Pinned:
        """Fix what is read from now on, without copying it where the source allows."""
        ...

    def read(self, pinned: Pinned, piece: Slice, columns: Sequence[str] | None) -> Iterator[pa.Table]:
        """The rows of one slice in order, as tables of bounded size. Raises `FatalError` where the unit is no longer
        what was pinned, or is corrupt, naming it."""
        ...


class SourceConfig(Declared):
    """What every declared source shares; each type's own settings stand beside its connector."""

    type: str
    airflow_conn_id: str
    """The Airflow connection of the filesystem or database that holds the data."""

    def open(self, connections: Connections, *, dataset: str) -> Source:
        """Open the source; `dataset` is the declared name, for messages."""
        raise NotImplementedError
