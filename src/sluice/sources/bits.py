"""Keys that are whole numbers, as a bit array: one look-up tells whether a number is among them, without hashing."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any, TypeAlias

from sluice.memory import budget
from sluice.model.layout import whole_numbers

if TYPE_CHECKING:
    import numpy as np
    import pyarrow as pa

Found: TypeAlias = "np.ndarray[Any, Any]"
"""One value for each key or row."""

_SHARE = 8
"""The array may take this fraction of the memory budget, or as much as the keys themselves."""
_WRAPPED = 2**64


class Bits:
    """One bit for each number from `low` on: whether it is a key. Numbers are compared as their distance from `low`,
    modulo 2^64. That is exact for all types of 64 bits or fewer: a smaller number wraps to a distance that no key of
    its type can have."""

    def __init__(self, low: int, size: int) -> None:
        import numpy as np

        self._low = np.uint64(low % _WRAPPED)
        self._size = np.uint64(size)
        self._bits = np.zeros(size // 8 + 1, np.uint8)
        """The bit after the last is never set: it stands for all numbers outside."""

    def add(self, values: Found) -> None:
        """Add keys, which must be within the array."""
        import numpy as np

        distances = self._distances(values)
        # `.at`, because several keys may share a byte.
        np.bitwise_or.at(self._bits, distances >> 3, np.left_shift(1, distances & 7).astype(np.uint8))

    def has(self, column: pa.ChunkedArray) -> Found:
        """For each value, whether it is a key. Null is not."""
        import numpy as np

        return np.concatenate([np.zeros(0, bool), *map(self._has, column.chunks)])

    def _has(self, chunk: pa.Array) -> Found:
        import numpy as np

        values, valid = whole_numbers(chunk)
        distances = self._distances(values)
        found: Found = (self._bits[distances >> 3] >> (distances & 7).astype(np.uint8) & 1).view(bool)
        return found if valid is None else found & valid

    def _distances(self, values: Found) -> Found:
        """The distance of each number from the least key; that of the last bit for numbers outside."""
        import numpy as np

        wide = values.astype(np.int64 if values.dtype.kind == "i" else np.uint64, copy=False).view(np.uint64)
        found: Found = np.minimum(wide - self._low, self._size).view(np.int64)
        return found


def bits_of(keys: pa.Array | pa.ChunkedArray, kind: pa.DataType) -> Bits | None:
    """The keys as bits, for a column of type `kind`. None if hashing is better: if they are not whole numbers of one
    kind, signed or unsigned, or if they are so far apart that the array would be too large."""
    if not _is_alike(keys.type, kind):
        return None
    found = list(_values(keys))
    low, high = min((int(v.min()) for v in found), default=0), max((int(v.max()) for v in found), default=-1)
    size = high - low + 1
    if size // 8 > max(budget().total // _SHARE, keys.nbytes):
        return None
    bits = Bits(low, size)
    for values in found:
        bits.add(values)
    return bits


def _values(keys: pa.Array | pa.ChunkedArray) -> Iterator[Found]:
    """The keys that are not null, in pieces that are not empty."""
    for chunk in getattr(keys, "chunks", [keys]):
        values, valid = whole_numbers(chunk)
        kept = values if valid is None else values[valid]
        if len(kept):
            yield kept


def _is_alike(one: pa.DataType, other: pa.DataType) -> bool:
    import pyarrow as pa

    signed, unsigned = pa.types.is_signed_integer, pa.types.is_unsigned_integer
    return any(is_a(one) and is_a(other) for is_a in (signed, unsigned))
