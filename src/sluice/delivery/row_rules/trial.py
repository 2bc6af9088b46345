"""Find the rows that a format cannot hold."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, NamedTuple

from sluice.errors import FatalError
from sluice.formats.base import Format
from sluice.sources.row_set import Numbers

if TYPE_CHECKING:
    import pyarrow as pa


class Refused(NamedTuple):
    """The rows that the format refuses: their numbers in the table, ascending, and the reasons."""

    rows: Numbers
    why: pa.Array | pa.ChunkedArray


class Trial:
    """Asks a format, or encodes rows in it, uncompressed, and discards the bytes. Thread-safe."""

    def __init__(self, declared: Format, schema: pa.Schema) -> None:
        self._format = declared.model_copy(update={"compression": "none", "compression_level": None})
        self._schema = schema

    def refused(self, table: pa.Table) -> Refused:
        """The rows that cannot be encoded. If the format cannot tell, a table that is refused is halved until each such
        row is alone."""
        import numpy as np
        import pyarrow as pa
        import pyarrow.compute as pc

        reasons = self._format.refusals(table, self._schema)
        if reasons is None:
            found = list(self._halved(table, 0))
            return Refused(
                np.array([row for row, _ in found], np.int64), pa.array([why for _, why in found], pa.string())
            )
        wrong = pc.indices_nonzero(pc.is_valid(reasons))
        return Refused(wrong.to_numpy().astype(np.int64), reasons.take(wrong).cast(pa.string()))

    def _halved(self, table: pa.Table, start: int) -> Iterator[tuple[int, str]]:
        why = self._why(table)
        if why is None:
            return
        if table.num_rows == 1:
            yield start, why
            return
        half = table.num_rows // 2
        yield from self._halved(table.slice(0, half), start)
        yield from self._halved(table.slice(half), start + half)

    def _why(self, table: pa.Table) -> str | None:
        encoder = self._format.encoder(self._schema)
        try:
            for pieces in (encoder.encode(table), encoder.close()):
                for _ in pieces:
                    pass
        except FatalError as refusal:
            return refusal.what
        return None
