"""How a value of each Arrow type is written in JSON, and in a text cell."""

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
"""Decimal digits that a double, a 64-bit integer and a 128-bit decimal can always represent."""


def in_json(kind: pa.DataType) -> Convert | None:
    """The conversion for a value in JSON. NaN and infinity become null. None if Polars writes the value as required.
    Raises `Refused`."""
    import pyarrow as pa

    if is_packed(kind):
        return packed(kind, in_json)
    if is_nested(kind):
        return nested(kind, in_json, _key)
    if pa.types.is_decimal(kind):
        return _decimals(kind)
    return _floats(kind) if pa.types.is_floating(kind) else simple(kind)


def in_finite_json(kind: pa.DataType) -> Convert | None:
    """Like `in_json`, but NaN and infinity raise `Unfit`."""
    import pyarrow as pa

    if is_packed(kind):
        return packed(kind, in_finite_json)
    if is_nested(kind):
        return nested(kind, in_finite_json, _key)
    return _finite if pa.types.is_floating(kind) else in_json(kind)


def in_cell(kind: pa.DataType) -> Convert | None:
    """The conversion for a value in a text cell. Nested values are converted as in JSON, because they are written as
    JSON text. Raises `Refused`."""
    import pyarrow as pa

    if is_packed(kind):
        return packed(kind, in_cell)
    if is_nested(kind):
        return nested(kind, in_json, _key)
    if pa.types.is_decimal(kind):
        return narrow(kind)
    return _floats(kind) if pa.types.is_floating(kind) else simple(kind)


def _key(kind: pa.DataType) -> Convert | None:
    """The conversion for keys of maps: the keys of a JSON object are strings."""
    import pyarrow as pa

    is_a = pa.types
    if is_text(kind):
        return None
    if is_nested(kind) or is_a.is_floating(kind) or is_a.is_decimal(kind):
        raise Refused(f"its keys are of type {kind}, but the keys of a JSON object are text")
    inner = in_json(kind)
    return lambda values: (inner(values) if inner else values).cast(pa.string())


def _decimals(kind: pa.DataType) -> Convert:
    """A JSON number if a reader that parses numbers as doubles keeps every digit, else text."""
    import pyarrow as pa

    if kind.scale == 0 and kind.precision <= _EXACT_IN_AN_INTEGER:
        return in_turn((narrow(kind), lambda values: values.cast(pa.int64())))
    exact = kind.precision <= _EXACT_IN_A_FLOAT
    return in_turn((narrow(kind), floats_of_decimals if exact else text_of_decimals))


def narrow(kind: pa.DataType) -> Convert | None:
    """Decimals in 128 bits, the widest that common readers support. Raises `Refused` for wider ones."""
    import pyarrow as pa

    if kind.precision > _MOST_DIGITS or kind.scale < 0:
        raise Refused(f"common readers misread decimals of more than {_MOST_DIGITS} digits or of negative scale")
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
        raise Unfit("it contains NaN or infinity, which JSON cannot represent: set them to null with `sql:`")
    return wide
