"""Converts all Arrow types to the few plain types from which text is written: integers, floats, booleans, strings,
dates, and lists, structs and maps of them. docs/formats.md describes the rules."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING

from sluice.formats.base import Refused

if TYPE_CHECKING:
    import pyarrow as pa

Convert = Callable[["pa.Array"], "pa.Array"]
"""Converts values of one Arrow type to the same number of plain values."""
Rule = Callable[["pa.DataType"], Convert | None]
"""Returns the conversion for a type. None if its values are plain already. Raises `Refused`."""

_FIRST_DAY, _LAST_DAY = -719_162, 2_932_896  # 0001-01-01 and 9999-12-31, in days since 1970
_LENGTH = {"s": 19, "ms": 23, "us": 26, "ns": 29}
"""Length of a timestamp's text by unit, for the years 0001 to 9999. "Z" is put in at this position by replacing an
empty slice: joining the text with a Python string would make pyarrow import pandas."""
_PER_DAY = {"s": 86_400, "ms": 86_400_000, "us": 86_400_000_000, "ns": 86_400_000_000_000}


class Unfit(Exception):  # noqa: N818 - it never leaves this folder: an encoder turns it into a FatalError
    """A value that a format cannot hold. The text says which one and what to do."""


def simple(kind: pa.DataType) -> Convert | None:
    """The rule for all types except lists, structs, maps, floats and decimals."""
    import pyarrow as pa

    is_a = pa.types
    if any(test(kind) for test in (is_a.is_integer, is_a.is_boolean, is_a.is_null, is_text)):
        return None
    if is_a.is_date(kind):
        return _dates
    if is_a.is_time(kind):
        return lambda values: values.cast(pa.string())
    if is_a.is_timestamp(kind):
        return _timestamps
    if is_a.is_duration(kind):
        return _durations
    if is_binary(kind):
        return _base64
    raise Refused("it has no text form that readers agree on")


def is_text(kind: pa.DataType) -> bool:
    """Whether values are strings."""
    import pyarrow as pa

    return bool(pa.types.is_string(kind) or pa.types.is_large_string(kind) or pa.types.is_string_view(kind))


def is_binary(kind: pa.DataType) -> bool:
    """Whether values are byte strings, of variable or fixed length."""
    import pyarrow as pa

    is_a = pa.types
    return bool(
        is_a.is_binary(kind)
        or is_a.is_large_binary(kind)
        or is_a.is_binary_view(kind)
        or is_a.is_fixed_size_binary(kind)
    )


def packed(kind: pa.DataType, rule: Rule) -> Convert | None:
    """The rule for types that wrap another type: dictionaries, run-end encodings, extension types. The wrapped type is
    converted by `rule`."""
    import pyarrow as pa
    import pyarrow.compute as pc

    if isinstance(kind, pa.UuidType):
        return _uuids
    if isinstance(kind, pa.Bool8Type):
        return lambda values: values.cast(pa.bool_())
    if isinstance(kind, pa.BaseExtensionType):
        return in_turn((lambda values: values.storage, rule(kind.storage_type)))
    if pa.types.is_dictionary(kind):
        return in_turn((lambda values: values.dictionary_decode(), rule(kind.value_type)))
    return in_turn((pc.run_end_decode, rule(kind.value_type)))


def is_packed(kind: pa.DataType) -> bool:
    """Whether `packed` applies to this type."""
    import pyarrow as pa

    return isinstance(kind, pa.BaseExtensionType | pa.DictionaryType | pa.RunEndEncodedType)


def in_turn(steps: Iterable[Convert | None]) -> Convert:
    """One conversion after the other. None entries are skipped."""
    known = [step for step in steps if step]

    def convert(values: pa.Array) -> pa.Array:
        for step in known:
            values = step(values)
        return values

    return convert


def _within(values: pa.Array, first: int, last: int) -> None:
    """Raise `Unfit` for values outside `first` to `last`. RFC 3339, SQL and most readers support the years 0001 to
    9999 only."""
    import pyarrow.compute as pc

    span = pc.min_max(values)
    if span["min"].is_valid and not (first <= span["min"].as_py() and span["max"].as_py() <= last):
        raise Unfit("it holds a date outside the years 0001 to 9999: set such dates to null with `sql:`")


def _dates(values: pa.Array) -> pa.Array:
    import pyarrow as pa

    days = values.cast(pa.date32())
    _within(days.view(pa.int32()), _FIRST_DAY, _LAST_DAY)
    return days


def _timestamps(values: pa.Array) -> pa.Array:
    """Text as in RFC 3339, with as many digits as the unit has. A type with a time zone holds instants, which are
    written in UTC.

    The zone is dropped before formatting, because pyarrow formats timestamps without a zone 30 times faster."""
    import pyarrow as pa
    import pyarrow.compute as pc

    unit, zone = values.type.unit, values.type.tz
    per_day = _PER_DAY[unit]
    _within(values.view(pa.int64()), _FIRST_DAY * per_day, (_LAST_DAY + 1) * per_day - 1)
    text = pc.binary_replace_slice(values.view(pa.timestamp(unit)).cast(pa.string()), 10, 11, "T")
    return pc.binary_replace_slice(text, _LENGTH[unit], _LENGTH[unit], "Z") if zone else text


def _durations(values: pa.Array) -> pa.Array:
    """Text as in ISO 8601, in days and smaller units: `P1DT2.5S`."""
    import pyarrow as pa

    # Polars has no unit of seconds.
    kept = values.cast(pa.duration("ms")) if values.type.unit == "s" else values
    return _by_polars(kept, lambda series: series.dt.to_string("iso"))


def _base64(values: pa.Array) -> pa.Array:
    return _by_polars(values, lambda series: series.bin.encode("base64"))


def _uuids(values: pa.Array) -> pa.Array:
    groups, dashed = "(.{8})(.{4})(.{4})(.{4})(.{12})", "${1}-${2}-${3}-${4}-${5}"
    return _by_polars(values.storage, lambda series: series.bin.encode("hex").str.replace(groups, dashed))


def floats_of_decimals(values: pa.Array) -> pa.Array:
    """The nearest float of each decimal. pyarrow's own cast is sometimes off in the last digit."""
    import polars as pl

    return _by_polars(values, lambda series: series.cast(pl.Float64))


def text_of_decimals(values: pa.Array) -> pa.Array:
    """The exact text of each decimal, with as many digits after the point as the type has."""
    import polars as pl

    return _by_polars(values, lambda series: series.cast(pl.String))


def _by_polars(values: pa.Array, act: Callable[..., object]) -> pa.Array:
    import polars as pl

    series = act(pl.from_arrow(values))
    assert isinstance(series, pl.Series)  # noqa: S101 - for the type checker: what goes in as an array is a series
    return series.to_arrow(compat_level=pl.CompatLevel.newest())
