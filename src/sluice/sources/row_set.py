"""A set of rows of a pinned dataset, by row number."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import accumulate
from typing import TYPE_CHECKING, Any, TypeAlias

from sluice.sources.base import Slice

if TYPE_CHECKING:
    import numpy as np

Numbers: TypeAlias = "np.ndarray[Any, Any]"
"""Row numbers, or ordinals."""


class RowSet:
    """A bitmap with one bit per row of the dataset: 125 MB for a billion rows. Ordinals count from 0 over all slices,
    row numbers from 0 within one slice."""

    def __init__(self, slices: Sequence[Slice], *, full: bool = False) -> None:
        import numpy as np

        self.slices = slices
        self.starts = list(accumulate((piece.records for piece in slices), initial=0))
        records = self.starts[-1]
        self._bits = np.full(-(-records // 8), 0xFF if full else 0, np.uint8)
        if full and records % 8:
            self._bits[-1] = (1 << records % 8) - 1  # no bits after the last row

    @classmethod
    def of(cls, slices: Sequence[Slice], packed: bytes) -> RowSet | None:
        """The set that was packed. None if the bytes cannot be a set of rows of these slices."""
        import numpy as np

        found = cls(())
        found.slices, found.starts = slices, list(accumulate((piece.records for piece in slices), initial=0))
        found._bits, records = np.frombuffer(packed, np.uint8).copy(), found.starts[-1]
        fits = len(packed) == -(-records // 8) and not (records % 8 and packed[-1] >> records % 8)
        return found if fits else None

    def packed(self) -> memoryview:
        """The bitmap, without a copy: a byte for eight ordinals, the least in its lowest bit."""
        return self._bits.data

    def add(self, ordinals: Numbers) -> None:
        import numpy as np

        # `.at`, because several ordinals may share a byte.
        np.bitwise_or.at(self._bits, ordinals >> 3, _bit(ordinals))

    def add_of(self, index: int, rows: Numbers) -> None:
        """Add rows of one slice, by row number."""
        import numpy as np

        self.add(self.starts[index] + rows.astype(np.int64))

    def discard_of(self, index: int, rows: Numbers) -> None:
        import numpy as np

        ordinals = self.starts[index] + rows.astype(np.int64)
        np.bitwise_and.at(self._bits, ordinals >> 3, ~_bit(ordinals))

    def mask(self, index: int) -> Numbers:
        """For each row of one slice, whether it is in the set, as booleans."""
        import numpy as np

        start, end = self.starts[index], self.starts[index + 1]
        # A slice need not start at a byte: unpack its whole bytes, then drop the bits of the slice before.
        bits = np.unpackbits(self._bits[start >> 3 : -(-end // 8)], bitorder="little")
        mask: Numbers = bits[start & 7 :][: end - start].view(bool)
        return mask

    def rows(self, index: int) -> Numbers:
        """The rows of one slice, ascending, as uint32."""
        import numpy as np

        return np.flatnonzero(self.mask(index)).astype(np.uint32)

    def counts(self) -> tuple[int, ...]:
        """Rows of each slice."""
        return tuple(len(self.rows(index)) for index in range(len(self.slices)))

    def __len__(self) -> int:
        import numpy as np

        return int(np.bitwise_count(self._bits).sum())

    def __or__(self, other: RowSet) -> RowSet:
        return self._with(self._bits | other._bits)

    def __and__(self, other: RowSet) -> RowSet:
        return self._with(self._bits & other._bits)

    def __sub__(self, other: RowSet) -> RowSet:
        return self._with(self._bits & ~other._bits)

    def _with(self, bits: Numbers) -> RowSet:
        made = RowSet(())
        made.slices, made.starts, made._bits = self.slices, self.starts, bits
        return made

    def __iter__(self) -> Iterator[int]:
        """The indexes of slices with rows in the set."""
        return (index for index, count in enumerate(self.counts()) if count)


def _bit(ordinals: Numbers) -> Numbers:
    """Each row's bit within its byte."""
    import numpy as np

    bits: Numbers = np.left_shift(1, ordinals & 7).astype(np.uint8)
    return bits
