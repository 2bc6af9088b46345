"""The seam between where data lives and rows: a source pins what a run will read, and reads it slice by slice."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager
from difflib import get_close_matches
from typing import TYPE_CHECKING, Any, ClassVar, Literal, NamedTuple, Protocol

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
    """A run of rows that is read in one go, in an order that never changes: `records` rows of one pinned unit.

    `unit` is the source's own word for it (a file), `index` its part of that unit (a row group, a page)."""

    model_config = ConfigDict(frozen=True)

    unit: str
    index: int
    records: int
    bytes: int = 0
    """Uncompressed bytes, as far as the source knows; 0 where it does not."""
    count: int = 1
    """How many of the unit's parts it has, from `index` on: small ones that follow one another are read together."""


class Spool(BaseModel):
    """A folder of staging that holds copied rows."""

    model_config = ConfigDict(frozen=True)

    airflow_conn_id: str
    path: str


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
    spool: Spool | None = None
    """Where the rows were copied to; None for data that is read where it is."""
    table: str | None = None
    """The table's identity, which a table that is made again under its name does not have; None if the source knows
    none."""

    @property
    def records(self) -> int:
        return sum(s.records for s in self.slices)

    @property
    def schema(self) -> pa.Schema:
        import base64

        import pyarrow as pa

        return pa.ipc.read_schema(pa.py_buffer(base64.b64decode(self.schema_ipc)))


def encode_schema(schema: pa.Schema) -> str:
    """What `Pinned.schema` decodes."""
    import base64

    return base64.b64encode(schema.serialize()).decode()


def known_columns(schema: pa.Schema, columns: Sequence[str] | None, *, dataset: str) -> pa.Schema:
    """The schema of these columns in their order, of all for None. Raises `DefinitionError` where one is unknown, or
    cannot be handed on."""
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
                next_step="write the column as text, or export a table without it; a segment export names its `fields`",
            )
    return chosen


class Columns(NamedTuple):
    """What columns a dataset has now."""

    schema: pa.Schema
    """A column of type null is there, and its type is not known before its values are."""
    whole: bool = True
    """Whether every file was looked at: only then a column that is not here is nowhere."""


class Source(Protocol):
    """An opened source of one dataset. Safe to read from many threads."""

    def columns(self) -> Columns:
        """The dataset's columns as they are now, from metadata alone: footers, a table's log, a query without rows.
        Raises as `pin` does."""
        ...

    def pin(self, spool: Opened | None = None) -> Pinned:
        """Fix what is read from now on, without copying it where the source allows. Other sources copy their rows into
        `spool`, an empty folder of staging that lives as long as what is pinned, and need one. Raises `FatalError`
        where the data is missing or not readable."""
        ...

    def intact(self, pinned: Pinned) -> bool:
        """Whether everything that was pinned can still be read as it was."""
        ...

    def read(
        self, pinned: Pinned, piece: Slice, columns: Sequence[str] | None, *, as_decoded: bool = False
    ) -> Iterator[pa.Table]:
        """The rows of one slice in order, as tables of bounded size (twice `Budget.table`, or one row), every value one
        of its type: text is UTF-8. They are in the pinned types; `as_decoded` leaves text, bytes and lists in whatever
        layout they were decoded to, which saves a copy. Raises `FatalError` where the unit is no longer what was
        pinned, or is corrupt, naming it, and `DefinitionError` where a column is not there."""
        ...

    def cost(self, pinned: Pinned, piece: Slice, columns: Sequence[str] | None) -> int:
        """Bytes of memory that `read` holds of the process's budget for as long as its tables are taken."""
        ...

    def scan(self, pinned: Pinned) -> AbstractContextManager[Any]:
        """All pinned rows, in no order, as something that DuckDB scans as a table, as often as it likes: a `pyarrow`
        dataset where columns and comparisons can be pushed down, else an object with `__arrow_c_stream__`.
        Raises `FatalError` on leaving where what was scanned is not what was pinned."""
        ...


class SourceConfig(Declared):
    """What every declared source shares; each type's own settings stand beside its connector."""

    added_by: ClassVar[AddedBy | None] = None
    """How its sources say by themselves what was added to a dataset: they are `Growing`. None where they cannot."""

    type: str
    airflow_conn_id: str
    """The Airflow connection of the filesystem or database that holds the data."""

    def open(self, connections: Connections, *, dataset: str) -> Source:
        """Open the source; `dataset` is the declared name, for messages."""
        raise NotImplementedError
