"""The seam between rows and bytes: a format turns the Arrow tables of one part into that part's bytes."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Protocol

from sluice.model.declared import Declared

if TYPE_CHECKING:
    import pyarrow as pa


class Encoder(Protocol):
    """Encodes one part. Not shared between threads; the same tables in the same order give the same bytes."""

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

    def encoder(self, schema: pa.Schema) -> Encoder:
        """A fresh encoder for one part of rows of `schema`."""
        raise NotImplementedError
