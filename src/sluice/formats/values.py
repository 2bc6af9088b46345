"""What a value of each Arrow type is in JSON, and what it is in a cell of text."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sluice.formats.base import Refused
from sluice.formats.nested import is_nested, nested
from sluice.formats.plain import (
    Convert,
    Unfit,
    floats_of_decimals,
    in_turn,
    is_packed,
    is_text,
    packed,
    simple,
    text_of_decimals,
)

if TYPE_CHECKING:
    import pyarrow as pa

_EXACT_IN_A_FLOAT, _EXACT_IN_AN_INTEGER, _MOST_DIGITS = 15, 18, 38


def in_json(kind: pa.DataType) -> Convert | None:
    """A value within JSON, NaN and infinity as null. None where Polars writes it as it is. Raises `Refused`."""
    import pyarrow as pa

    if is_packed(kind):
        return packed(kind, in_json)
    if is_nested(kind):
        return nested(kind, in_json, _key)
    if pa.types.is_decimal(kind):
        return _decimals(kind)
    return _floats(kind) if pa.types.is_floating(kind) else simple(kind)


def in_finite_json(kind: pa.DataType) -> Convert | None:
    """As `in_json`, but NaN and infinity raise `Unfit`."""
    import pyarrow as pa

    if is_packed(kind):
        return packed(kind, in_finite_json)
    if is_nested(kind):
        return nested(kind, in_finite_json, _key)
    return _finite if pa.types.is_floating(kind) else in_json(kind)


def in_cell(kind: pa.DataType) -> Convert | None:
    """A value alone in a cell of text; nested ones as JSON says, to be written as JSON text. Raises `Refused`."""
    import pyarrow as pa

    if is_packed(kind):
        return packed(kind, in_cell)
    if is_nested(kind):
        return nested(kind, in_json, _key)
    if pa.types.is_decimal(kind):
        return narrow(kind)
    return _floats(kind) if pa.types.is_floating(kind) else simple(kind)


def _key(kind: pa.DataType) -> Convert | None:
    """The keys of an object are strings."""
    import pyarrow as pa

    is_a = pa.types
    if is_text(kind):
        return None
    if is_nested(kind) or is_a.is_floating(kind) or is_a.is_decimal(kind):
        raise Refused(f"its keys are of type {kind}, and the keys of a JSON object are text")
    inner = in_json(kind)
    return lambda values: (inner(values) if inner else values).cast(pa.string())


def _decimals(kind: pa.DataType) -> Convert:
    """A number where every reader that keeps doubles still has every digit, else text."""
    import pyarrow as pa

    if kind.scale == 0 and kind.precision <= _EXACT_IN_AN_INTEGER:
        return in_turn((narrow(kind), lambda values: values.cast(pa.int64())))
    exact = kind.precision <= _EXACT_IN_A_FLOAT
    return in_turn((narrow(kind), floats_of_decimals if exact else text_of_decimals))


def narrow(kind: pa.DataType) -> Convert | None:
    """Decimals in 128 bits, the widest that common readers know. Raises `Refused` on wider ones."""
    import pyarrow as pa

    if kind.precision > _MOST_DIGITS or kind.scale < 0:
        raise Refused(f"decimals of more than {_MOST_DIGITS} digits, or with digits left of the point only, are "
                      "read wrongly by common readers")  # fmt: skip
    if not pa.types.is_decimal256(kind):
        return None
    return lambda values: values.cast(pa.decimal128(kind.precision, kind.scale))


def _floats(kind: pa.DataType) -> Convert | None:
    import pyarrow as pa

    return (lambda values: values.cast(pa.float32())) if pa.types.is_float16(kind) else None


def _finite(values: pa.Array) -> pa.Array:
    import pyarrow as pa
    import pyarrow.compute as pc

    wide = values.cast(pa.float32()) if pa.types.is_float16(values.type) else values
    if pc.all(pc.is_finite(wide)).as_py() is False:
        raise Unfit("it holds NaN or infinity, which JSON has not: set them to null with `sql:`")
    return wide
