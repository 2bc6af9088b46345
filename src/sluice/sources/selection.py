"""Selects the rows of a pinned dataset to send: members of a segment that have every required field."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from sluice.errors import FatalError
from sluice.memory import in_turn
from sluice.model.layout import numbers
from sluice.sources.base import Pinned, Slice, Source, known_columns
from sluice.sources.bits import Bits, bits_of
from sluice.sources.position import narrowed
from sluice.sources.row_set import RowSet
from sluice.sources.verdicts import KEPT, OTHER_ROWS, REJECTED, THREADS, Hashed, Marks, numbered, verdicts
from sluice.sql.expression import Expression, row_expression
from sluice.sql.names import Names, names_of
from sluice.sql.types import refuse_foreign

if TYPE_CHECKING:
    import numpy as np
    import pyarrow as pa


@dataclass(frozen=True)
class SliceSelection:
    """The rows of one slice to send."""

    index: int
    """The slice's index in `Pinned.slices`."""
    rows: pa.Array
    """Row numbers within the slice, ascending, as uint32."""
    rejects: pa.Array
    """Row numbers of the members without a value in a required field, in the same form."""

    @property
    def rejected(self) -> int:
        return len(self.rejects)


def comparable(one: pa.DataType, other: pa.DataType) -> bool:
    """Whether values of these types can be equal keys: both are whole numbers, both are text, or the types are the
    same. A type that is known only when rows are read is comparable with any."""
    kinds = {_kind(one), _kind(other)}
    return len(kinds) == 1 or "null" in kinds


def _kind(type_: pa.DataType) -> str:
    import pyarrow as pa

    plain = type_.value_type if pa.types.is_dictionary(type_) else type_
    if pa.types.is_integer(plain):
        return "whole number"
    text = (pa.types.is_string, pa.types.is_large_string, pa.types.is_string_view)
    return "text" if any(is_text(plain) for is_text in text) else str(plain)


def select(
    source: Source,
    pinned: Pinned,
    *,
    key: str,
    keys: pa.Array | pa.ChunkedArray | None,
    rows: RowSet | None = None,
    required: Sequence[str] = (),
) -> Iterator[SliceSelection]:
    """One selection per slice, in order. Reads only the key and the columns that `required` uses.

    `keys` are the distinct keys of the members; None selects every row. `rows` are the members' rows, if they are
    known: then the key is not read either. `required` are SQL expressions over one row: a member is rejected if one of
    them is null or empty text. Raises `DefinitionError` if a column is unknown or an expression does not compile, and
    `FatalError` if it fails on a value or the data cannot be read.
    """
    if rows is not None:
        yield from _known(source, pinned, rows, required)
        return
    names = names_of(pinned.schema)
    expressions = [row_expression(text) for text in required]
    member = names.own(key) or key
    columns = _columns(pinned, names, [] if keys is None else [member], expressions)
    members = None if keys is None else _by_key(pinned, member, keys)
    if isinstance(members, _ByKey) and not expressions:
        yield from _marked(source, pinned, members)
    else:
        yield from _by_slice(pinned.slices, verdicts(source, pinned, names, columns, expressions, members))


def _known(source: Source, pinned: Pinned, rows: RowSet, required: Sequence[str]) -> Iterator[SliceSelection]:
    """The selections of known rows. Reads only the slices with any of them, and nothing if no field is required."""
    import numpy as np

    if not required:
        yield from (_selection(index, rows.mask(index)) for index in range(len(pinned.slices)))
        return
    names, wanted = names_of(pinned.schema), list(rows)
    expressions = [row_expression(text) for text in required]
    columns = _columns(pinned, names, [], expressions)
    some = narrowed(pinned, (pinned.slices[index] for index in wanted))
    found = _by_slice(some.slices, verdicts(source, some, names, columns, expressions, _ByNumber(rows, wanted)))
    filled = {*wanted}
    for index in range(len(pinned.slices)):
        yield replace(next(found), index=index) if index in filled else _selection(index, np.zeros(0, bool))


@dataclass(frozen=True)
class _ByKey:
    """Members by their key."""

    columns: tuple[str, ...]
    keys: Bits

    def of(self, index: int, first: int, table: pa.Table) -> np.ndarray:  # noqa: ARG002 - the protocol's
        return self.keys.has(table[self.columns[0]])


def _by_key(pinned: Pinned, member: str, keys: pa.Array | pa.ChunkedArray) -> _ByKey | Hashed:
    """The members with these keys in a column: as bits, if they can be, otherwise for the engine to hash."""
    bits = bits_of(keys, pinned.schema.field(member).type)
    return Hashed(member, keys) if bits is None else _ByKey((member,), bits)


@dataclass(frozen=True)
class _ByNumber:
    """Members by their row number, in some slices of a dataset."""

    rows: RowSet
    slices: Sequence[int]
    columns: tuple[str, ...] = ()

    def of(self, index: int, first: int, table: pa.Table) -> np.ndarray:
        return self.rows.mask(self.slices[index])[first : first + table.num_rows]


def _marked(source: Source, pinned: Pinned, marks: Marks) -> Iterator[SliceSelection]:
    """The members of each slice, several slices in parallel."""
    import numpy as np

    def one(index: int) -> SliceSelection:
        tables = numbered(source, pinned, index, marks.columns)
        found = [marks.of(index, first, table) for first, table in tables]
        return _selection(index, np.concatenate([np.zeros(0, bool), *found]))

    with ThreadPoolExecutor(THREADS, "select") as threads:
        indexes = range(len(pinned.slices))
        yield from in_turn(one, indexes, threads, most=2 * THREADS, weigh=lambda found: found.rows.nbytes)


def _selection(index: int, members: np.ndarray) -> SliceSelection:
    """The selection of a slice in which no member is rejected."""
    import numpy as np

    kept = np.flatnonzero(members).astype(np.uint32)
    return SliceSelection(index, numbers(kept), numbers(np.zeros(0, np.uint32)))


def _columns(pinned: Pinned, names: Names, key: list[str], expressions: Sequence[Expression]) -> list[str]:
    """The columns to read, spelled as in the dataset: SQL ignores the case of names."""
    if any("*" in one.named for one in expressions):
        return list(pinned.schema.names)
    named = {name for one in expressions for name in one.columns(names)} | {*key}
    chosen = known_columns(pinned.schema, sorted(named), dataset="of this feed")
    refuse_foreign(chosen)
    return list(chosen.names)


def _by_slice(slices: Sequence[Slice], stream: Iterator[np.ndarray]) -> Iterator[SliceSelection]:
    """Cut the stream of verdicts at the boundaries of the slices."""
    import numpy as np

    rest = np.empty(0, np.int8)
    for index, piece in enumerate(slices):
        pieces = [rest]
        while sum(map(len, pieces)) < piece.records:
            if (more := next(stream, None)) is None:  # fewer rows came back than were read
                raise FatalError(OTHER_ROWS)
            pieces.append(more)
        found = np.concatenate(pieces)
        found, rest = found[: piece.records], found[piece.records :]
        kept, rejects = (np.flatnonzero(found == one).astype(np.uint32) for one in (KEPT, REJECTED))
        yield SliceSelection(index, numbers(kept), numbers(rejects))
