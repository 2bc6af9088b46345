"""Thrift's compact protocol, in which Parquet encodes its page headers and its footer.

Structs are read without a schema, as numbered fields, and can be written back unchanged, including unknown fields. The
protocol is specified in thrift-compact-protocol.md of Apache Thrift.
"""

from __future__ import annotations

from typing import Any, Final

TRUE: Final = 1
FALSE: Final = 2
I16, I32, I64 = 4, 5, 6
BINARY, LIST, STRUCT = 8, 9, 12
_SIZES: Final = {3: 1, 7: 8}
"""Fixed sizes in bytes: of a byte and of a double."""
_NEXT_I32: Final = 1 << 4 | I32
"""Starts a field of type i32 whose number is one more than the previous one."""

Struct = dict[int, tuple[int, Any]]
"""Field numbers with type and value. The value is an int, bytes, a `Struct`, for a list a pair of element type and
elements, and for a boolean None, because its type is the value."""


def read_struct(data: bytes, at: int) -> tuple[Struct, int]:
    """The struct that starts at `at`, and the offset after its end. Raises `IndexError` or `KeyError` on
    invalid data."""
    fields: Struct = {}
    number = 0
    while head := data[at]:  # a zero byte ends the struct
        at += 1
        # The low half byte is the type. The high one is the difference to the last field number; 0 if it does not fit.
        kind = head & 15
        if head >> 4:
            number += head >> 4
        else:
            number, at = _read_integer(data, at)
        value, at = (None, at) if kind in (TRUE, FALSE) else _read(kind, data, at)
        fields[number] = kind, value
    return fields, at + 1


def write_struct(fields: Struct) -> bytes:
    """Encode a struct."""
    out = bytearray()
    _write(STRUCT, fields, out)
    return bytes(out)


def with_integer(struct: bytes, number: int, value: int) -> bytes:
    """An encoded struct with another value of field `number`. Much faster than to read and write the whole struct, but
    only for structs that start with fields 1 to `number`, all of them i32. Raises `KeyError` for other structs."""
    start = end = 0
    for _ in range(number):
        if struct[end] != _NEXT_I32:
            raise KeyError(number)
        start = end + 1
        _, end = _read_natural(struct, start)
    out = bytearray(struct[:start])
    _write_integer(value, out)
    return bytes(out + struct[end:])


def _read(kind: int, data: bytes, at: int) -> tuple[Any, int]:
    if kind in (I16, I32, I64):
        return _read_integer(data, at)
    if kind == BINARY:
        size, at = _read_natural(data, at)
        return data[at : at + size], at + size
    if kind == STRUCT:
        return read_struct(data, at)
    if kind == LIST:
        return _read_list(data, at)
    size = _SIZES[kind]
    return data[at : at + size], at + size


def _read_list(data: bytes, at: int) -> tuple[tuple[int, list[Any]], int]:
    size, kind, at = data[at] >> 4, data[at] & 15, at + 1
    if size == 15:  # the size follows, because it does not fit into half a byte
        size, at = _read_natural(data, at)
    values = []
    for _ in range(size):
        value, at = (data[at], at + 1) if kind in (TRUE, FALSE) else _read(kind, data, at)
        values.append(value)
    return (kind, values), at


def _read_integer(data: bytes, at: int) -> tuple[int, int]:
    """A signed integer in zigzag encoding: 0, -1, 1, -2 ... are stored as 0, 1, 2, 3 ..."""
    value, at = _read_natural(data, at)
    return value >> 1 ^ -(value & 1), at


def _read_natural(data: bytes, at: int) -> tuple[int, int]:
    """An unsigned varint: 7 bits per byte, lowest first. A set top bit means that another byte follows."""
    value = shift = 0
    while (byte := data[at]) & 128:
        value |= (byte & 127) << shift
        shift += 7
        at += 1
    return value | byte << shift, at + 1


def _write(kind: int, value: Any, out: bytearray) -> None:
    if kind in (I16, I32, I64):
        _write_integer(value, out)
    elif kind == BINARY:
        _write_natural(len(value), out)
        out += value
    elif kind == STRUCT:
        _write_struct(value, out)
    elif kind == LIST:
        _write_list(value, out)
    else:
        out += value


def _write_struct(fields: Struct, out: bytearray) -> None:
    last = 0
    for number, (kind, value) in fields.items():
        if 0 < number - last < 16:
            out.append((number - last) << 4 | kind)
        else:
            out.append(kind)
            _write_integer(number, out)
        if value is not None:
            _write(kind, value, out)
        last = number
    out.append(0)


def _write_list(listed: tuple[int, list[Any]], out: bytearray) -> None:
    kind, values = listed
    if len(values) < 15:
        out.append(len(values) << 4 | kind)
    else:
        out.append(15 << 4 | kind)
        _write_natural(len(values), out)
    for value in values:
        if kind in (TRUE, FALSE):
            out.append(value)
        else:
            _write(kind, value, out)


def _write_integer(value: int, out: bytearray) -> None:
    _write_natural(value << 1 if value >= 0 else ~(value << 1), out)


def _write_natural(value: int, out: bytearray) -> None:
    while value > 127:
        out.append(value & 127 | 128)
        value >>= 7
    out.append(value)
