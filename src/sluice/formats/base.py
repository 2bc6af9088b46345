"""The seam between rows and bytes: a format turns the Arrow tables of one part into that part's bytes."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from typing import TYPE_CHECKING, Protocol

from sluice.errors import DefinitionError, FatalError
from sluice.foreign import said
from sluice.model.declared import Declared
from sluice.model.layout import same_values

if TYPE_CHECKING:
    import pyarrow as pa


class Refused(Exception):  # noqa: N818 - it never leaves this folder: `check` turns it into a DefinitionError
    """A column type that a format cannot hold; its text says why and what to do."""


class Encoder(Protocol):
    """Encodes one part. Not shared between threads; the same rows in the same order give the same bytes, however
    they are split into tables."""

    def encode(self, table: pa.Table) -> Iterator[bytes]:
        """The bytes that are ready once `table` is in; maybe none yet. Raises `FatalError` on a value the format
        cannot hold."""
        ...

    def close(self) -> Iterator[bytes]:
        """The bytes that remain. A part of no rows is still a valid file of its format."""
        ...


class Format(Declared):
    """What every declared file format shares."""

    type: str

    @property
    def extension(self) -> str:
        """The end of a file's name, with its dot: `.json.gz`."""
        raise NotImplementedError

    def check(self, schema: pa.Schema) -> None:
        """Raise `DefinitionError` naming each column whose type this format cannot hold, and what to do."""
        if not schema.names:
            raise DefinitionError(f"{self.type}: there are no columns to write", next_step="declare at least one field")
        if "" in schema.names:
            raise DefinitionError(
                f"{self.type}: column {schema.names.index('') + 1} has no name", next_step="name it with `as:`"
            )
        if twice := [name for name, count in Counter(schema.names).items() if count > 1]:
            raise DefinitionError(
                f"{self.type}: more than one column is called {', '.join(f'`{name}`' for name in twice)}",
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
        """How this format holds values of one Arrow type. Raises `Refused` where it cannot."""
        raise NotImplementedError

    def holds(self, width: int) -> int:  # noqa: ARG002 - the contract's word
        """Bytes that an encoder holds from one table to the next, of rows of `width` bytes each: none, if it gathers no
        rows."""
        return 0

    def encoder(self, schema: pa.Schema) -> Encoder:
        """A fresh encoder for one part of rows of `schema`."""
        raise NotImplementedError


def declared(table: pa.Table, schema: pa.Schema, *, layout: bool = False) -> pa.Table:
    """`table` in the types of `schema`; without `layout`, text, bytes and lists may stay as they were decoded (views,
    large lists). That every value is one of its type is the source's promise. Raises `FatalError`."""
    import pyarrow as pa

    if table.schema.names != schema.names:
        raise FatalError(f"the rows have the columns {table.schema.names}, not {schema.names} as declared")
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
