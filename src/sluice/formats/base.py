"""The format interface: a format encodes the Arrow tables of one part as the bytes of one file."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, ClassVar, Literal, NamedTuple, Protocol

from sluice.errors import DefinitionError, FatalError
from sluice.foreign import said
from sluice.model.declared import Declared
from sluice.model.layout import same_values

if TYPE_CHECKING:
    import pyarrow as pa


class Refused(Exception):  # noqa: N818 - it never leaves this folder: `check` turns it into a DefinitionError
    """A column type that a format cannot hold. The text says why and what to do."""


class Repeats(NamedTuple):
    """A column, and the most rows of one file that may have the same value in it."""

    column: str
    most: int


class Encoder(Protocol):
    """Encodes one part. Not shared between threads. The same rows in the same order give the same bytes, no matter how
    they are split into tables."""

    def encode(self, table: pa.Table) -> Iterator[bytes]:
        """Add the table's rows and yield the bytes that are ready, if any. Raises `FatalError` on a value that the
        format cannot hold."""
        ...

    def close(self) -> Iterator[bytes]:
        """The remaining bytes. A part without rows is still a valid file of its format."""
        ...


Unfit = Literal["fail", "reject"]
"""What happens to a row that a format cannot hold: the run fails, or the row is rejected."""


class Format(Declared):
    """Settings that all file formats share."""

    type: str

    unfit: ClassVar[Unfit] = "fail"
    """What happens to a row that the format cannot hold, if the export does not say."""

    @property
    def extension(self) -> str:
        """The file extension, with its dot: `.json.gz`."""
        raise NotImplementedError

    def check(self, schema: pa.Schema) -> None:
        """Raise `DefinitionError` naming each column whose type this format cannot hold, and what to do."""
        if not schema.names:
            raise DefinitionError(f"{self.type}: no columns to write", next_step="declare at least one field")
        if "" in schema.names:
            raise DefinitionError(
                f"{self.type}: column {schema.names.index('') + 1} has no name", next_step="name it with `as:`"
            )
        if twice := [name for name, count in Counter(schema.names).items() if count > 1]:
            raise DefinitionError(
                f"{self.type}: more than one column is named {', '.join(f'`{name}`' for name in twice)}",
                next_step="give each field its own name with `as:`",
            )
        refused = [
            f"column `{field.name}` of type {field.type}: {why}" for field in schema if (why := self._why(field))
        ]
        if refused:
            raise DefinitionError(
                f"{self.type} cannot hold " + "; nor ".join(refused),
                next_step="leave the column out, or change its type with `sql:`",
            )

    def _why(self, field: pa.Field) -> str:
        try:
            self.hold(field.type)
        except Refused as refused:
            return str(refused)
        return ""

    def hold(self, kind: pa.DataType) -> object:
        """How this format stores values of an Arrow type. Raises `Refused` if it cannot."""
        raise NotImplementedError

    def holds(self, width: int) -> int:  # noqa: ARG002 - the contract's word
        """Bytes that an encoder keeps between two tables, for rows of `width` bytes. Default: 0, for an encoder that
        gathers no rows."""
        return 0

    def refusals(self, table: pa.Table, schema: pa.Schema) -> pa.ChunkedArray | pa.Array | None:  # noqa: ARG002
        """For each row the reason why the format cannot hold it, or null. None if only encoding can tell: the default,
        which takes far longer if many rows are refused."""
        return None

    def repeats(self, names: Sequence[str]) -> Repeats | None:  # noqa: ARG002 - for those whose readers count
        """What a file of columns with these names may not repeat too often. Default: None, for any number."""
        return None

    def encoder(self, schema: pa.Schema) -> Encoder:
        """A new encoder for one part with rows of `schema`."""
        raise NotImplementedError


def declared(table: pa.Table, schema: pa.Schema, *, layout: bool = False) -> pa.Table:
    """Cast `table` to the types of `schema`. Without `layout`, text, bytes and lists keep the layout they were decoded
    to (views, large lists). The source guarantees that values are valid for their types. Raises `FatalError` if the
    columns or types do not match."""
    import pyarrow as pa

    if table.schema.names != schema.names:
        raise FatalError(f"the rows have the columns {table.schema.names}, but {schema.names} were declared")
    if table.schema.types == schema.types:
        return table
    try:
        columns = [
            column if not layout and same_values(column.type, kind) else column.cast(kind)
            for column, kind in zip(table.columns, schema.types, strict=True)
        ]
    except (pa.ArrowInvalid, pa.ArrowNotImplementedError, ValueError) as error:
        raise FatalError(f"the rows are not of the declared types: {said(error)}") from error
    return pa.table(columns, names=schema.names)
