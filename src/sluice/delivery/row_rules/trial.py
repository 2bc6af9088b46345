"""Find the rows that a format cannot hold, by encoding them."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, NamedTuple

from sluice.errors import FatalError
from sluice.formats.base import Format

if TYPE_CHECKING:
    import pyarrow as pa


class Refused(NamedTuple):
    """A row that the format refuses: its number in the table, and the reason."""

    row: int
    why: str


class Trial:
    """Encodes rows in a format, uncompressed, and discards the bytes. Thread-safe."""

    def __init__(self, declared: Format, schema: pa.Schema) -> None:
        self._format = declared.model_copy(update={"compression": "none", "compression_level": None})
        self._schema = schema

    def refused(self, table: pa.Table) -> Iterator[Refused]:
        """The rows that cannot be encoded, ascending. A table that is refused is halved until each such row is
        alone."""
        yield from self._refused(table, 0)

    def _refused(self, table: pa.Table, start: int) -> Iterator[Refused]:
        why = self._why(table)
        if why is None:
            return
        if table.num_rows == 1:
            yield Refused(start, why)
            return
        half = table.num_rows // 2
        yield from self._refused(table.slice(0, half), start)
        yield from self._refused(table.slice(half), start + half)

    def _why(self, table: pa.Table) -> str | None:
        encoder = self._format.encoder(self._schema)
        try:
            for pieces in (encoder.encode(table), encoder.close()):
                for _ in pieces:
                    pass
        except FatalError as refusal:
            return refusal.what
        return None
