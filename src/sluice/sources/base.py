"""The source interface: a source pins the data that a run will read, and reads it slice by slice."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from difflib import get_close_matches
from functools import lru_cache
from typing import TYPE_CHECKING, Any, ClassVar, Literal, NamedTuple, Protocol, runtime_checkable

from pydantic import BaseModel, ConfigDict

from sluice.errors import DefinitionError
from sluice.model.access import Connections
from sluice.model.declared import Declared
from sluice.sources.unreadable import why_unreadable

if TYPE_CHECKING:
    import pyarrow as pa

    from sluice.filesystem import Opened

AddedBy = Literal["files", "snapshots"]


class Slice(BaseModel):
    """Rows that are read in one go, always in the same order: `records` rows of one pinned unit.

    `unit` names what the source reads from, usually a file. `index` is the part of that unit: a row group, a page."""

    model_config = ConfigDict(frozen=True)

    unit: str
    index: int
    records: int
    bytes: int = 0
    """Uncompressed bytes. 0 if the source does not know."""
    count: int = 1
    """Number of parts, starting at `index`. Small neighbouring parts are read together."""


class Spool(BaseModel):
    """A folder in staging that holds copied rows."""

    model_config = ConfigDict(frozen=True)

    airflow_conn_id: str
    path: str


class Pinned(BaseModel):
    """What a run has pinned of one dataset. Reading it twice gives the same rows in the same order, or an error."""

    model_config = ConfigDict(frozen=True)

    version: str
    """The pinned version, in the source's own terms: a snapshot id, or a digest of the file list."""
    schema_ipc: str
    """The Arrow schema, serialized and Base64-encoded."""
    units: dict[str, str]
    """The fingerprint of each unit (size, modification time, ETag). It is compared again before the unit is read."""
    slices: tuple[Slice, ...]
    spool: Spool | None = None
    """Where the rows were copied to. None if they are read in place."""
    table: str | None = None
    """The table's identity: a table that is dropped and recreated under the same name gets another one. None if the
    source has no such identity."""

    @property
    def records(self) -> int:
        return sum(s.records for s in self.slices)

    @property
    def schema(self) -> pa.Schema:
        return _decoded(self.schema_ipc)


@lru_cache(16)  # every read of a slice asks for it
def _decoded(schema_ipc: str) -> pa.Schema:
    import base64

    import pyarrow as pa

    return pa.ipc.read_schema(pa.py_buffer(base64.b64decode(schema_ipc)))


def encode_schema(schema: pa.Schema) -> str:
    """Encode a schema for `Pinned.schema_ipc`."""
    import base64

    return base64.b64encode(schema.serialize()).decode()


def known_columns(schema: pa.Schema, columns: Sequence[str] | None, *, dataset: str) -> pa.Schema:
    """The schema of these columns, in their order; None selects all. Raises `DefinitionError` if a column is unknown or
    cannot be delivered."""
    import pyarrow as pa

    for name in columns or ():
        if schema.get_field_index(name) < 0:
            raise DefinitionError(
                f"dataset {dataset} has no column {name!r}",
                nearest=next(iter(get_close_matches(name, schema.names, 1)), None),
                known=schema.names,
            )
    chosen = schema if columns is None else pa.schema([schema.field(name) for name in columns])
    for field in chosen:
        if why := why_unreadable(field):
            raise DefinitionError(
                f"dataset {dataset}: column {field.name!r} {why}",
                next_step="write the column as text, or export a table without it; in a segment export, list the"
                " other columns under `fields`",
            )
    return chosen


class Placed(NamedTuple):
    """Where the Parquet files of pinned data are, for an engine that opens them on its own."""

    opened: Opened
    """The folder that the names of units are relative to."""
    below: str
    """The folder whose `key=value` folders hold the values of partition columns, relative to `opened`."""
    fixed: Mapping[str, Mapping[str, pa.Scalar]]
    """The values of each unit's partition columns. They are not read from the file."""


@runtime_checkable
class InFiles(Protocol):
    """A source that can pin its rows as Parquet files, without a copy."""

    def placed(self, pinned: Pinned) -> Placed:
        """Where the pinned files are."""
        ...


class Columns(NamedTuple):
    """The columns that a dataset has now."""

    schema: pa.Schema
    """A column of type null exists, but its type is only known once its values are read."""
    whole: bool = True
    """Whether every file was checked. If not, a column that is missing here may still exist in another file."""


class Source(Protocol):
    """An opened source of one dataset. Safe to read from many threads."""

    def columns(self) -> Columns:
        """The dataset's current columns, from metadata alone: footers, a table's log, a query without rows. Raises the
        same errors as `pin`."""
        ...

    def pin(self, spool: Opened | None = None) -> Pinned:
        """Pin the data that is read from now on, without a copy if the source allows it. Other sources need `spool`, an
        empty folder in staging that lives as long as the pinned data, and copy their rows into it. Raises `FatalError`
        if the data is missing or unreadable."""
        ...

    def intact(self, pinned: Pinned) -> bool:
        """Whether everything that was pinned can still be read unchanged."""
        ...

    def read(
        self,
        pinned: Pinned,
        piece: Slice,
        columns: Sequence[str] | None,
        rows: pa.Array | None = None,
        *,
        as_decoded: bool = False,
    ) -> Iterator[pa.Table]:
        """The rows of one slice in order, as tables of at most twice `Budget.table` bytes (or one row). `rows` selects
        some of them, by ascending row numbers within the slice; None selects all. Values are valid for their type: text
        is UTF-8. Types are the pinned ones; `as_decoded` leaves text, bytes and lists in the layout that the decoder
        produced, which saves a copy. Raises `FatalError` naming the unit if it is corrupt or
        has changed since it was pinned, and `DefinitionError` if a column is unknown."""
        ...

    def cost(self, pinned: Pinned, piece: Slice, columns: Sequence[str] | None) -> int:
        """Bytes of the process's memory budget that `read` holds while its tables are consumed."""
        ...

    def scan(self, pinned: Pinned) -> AbstractContextManager[Any]:
        """All pinned rows, in no particular order, as an object that DuckDB can scan as a table any number of times: a
        `pyarrow` dataset if columns and comparisons can be pushed down, else an object with `__arrow_c_stream__`.
        Raises `FatalError` on exit if the scanned data is no longer the pinned data."""
        ...


class SourceConfig(Declared):
    """Settings that all sources share. The settings of each type are declared next to its connector."""

    added_by: ClassVar[AddedBy | None] = None
    """How sources of this type detect new rows (they implement `Growing`). None if they cannot: a column must."""

    type: str
    airflow_conn_id: str
    """The Airflow connection to the filesystem or database that holds the data."""

    def open(self, connections: Connections, *, dataset: str) -> Source:
        """Open the source. `dataset` is its declared name, used in messages."""
        raise NotImplementedError
