"""Matches a file's columns to those of its dataset, so that no column reads as null because its name is wrong.

A column counts as absent only if the file lacks it by every identity: its name in any case, its field id
(`PARQUET:field_id`), and the physical name that a table format gives it (`delta.columnMapping.physicalName`). The last
two are known if the schema's fields carry them as metadata.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, NamedTuple

from sluice.errors import FatalError
from sluice.sources.widening import other_case
from sluice.sql.names import doubled

if TYPE_CHECKING:
    import pyarrow as pa

_NUMBER, _PHYSICAL = b"PARQUET:field_id", b"delta.columnMapping.physicalName"


class Columns(NamedTuple):
    """The columns of one file, from its footer."""

    file: str
    names: Collection[str]
    """In the file's order, with a fast `in`."""
    numbers: Mapping[int, str]
    """Names by field id, for the columns that have one."""


def each_once(file: str, names: Sequence[str], *, dataset: str) -> None:
    """Raise `FatalError` if a file has two columns of the same name."""
    if twice := doubled(names):
        raise FatalError(
            f"dataset {dataset}: {file} has two columns named {twice!r}",
            next_step="write the file again without one of them, or with another name",
        )


def check(schema: pa.Schema, files: Iterable[Columns], *, dataset: str) -> None:
    """Raise `FatalError` if a file holds a column of the schema under another name."""
    seen: dict[int, dict[str, Columns]] = {}
    checked: set[tuple[object, ...]] = set()
    for one in files:
        shape = (tuple(one.names), tuple(one.numbers.items()))
        if shape not in checked:  # thousands of files usually share one shape: check each shape once
            checked.add(shape)
            _check_names(schema, one, dataset)
            _check_numbers(seen, one, dataset)


def _check_names(schema: pa.Schema, one: Columns, dataset: str) -> None:
    if found := other_case(schema.names, one.names):
        raise _elsewhere(*found, one, dataset)
    own = {*one.names}
    for field in (field for field in schema if field.name not in own and field.metadata):
        number = field.metadata.get(_NUMBER)
        held = one.numbers.get(int(number)) if number else None
        physical = field.metadata.get(_PHYSICAL, b"").decode()
        if held or physical in own:
            raise _elsewhere(field.name, held or physical, one, dataset)


def _check_numbers(seen: dict[int, dict[str, Columns]], one: Columns, dataset: str) -> None:
    """Two files that give one field id different names were written before and after a rename. If one of them has both
    names, its writer merely counts its columns, and the field id means nothing."""
    own = {*one.names}
    for number, name in one.numbers.items():
        for other, before in seen.setdefault(number, {}).items():
            if other not in own and name not in before.names:
                raise FatalError(
                    f"dataset {dataset}: column {number} is named {other!r} in {before.file} but {name!r} in "
                    f"{one.file}: it was renamed, so half of its values would be null",
                    next_step="declare the table by its own type (iceberg, delta), or write the older files again",
                )
        seen[number].setdefault(name, one)


def _elsewhere(column: str, held: str, one: Columns, dataset: str) -> FatalError:
    return FatalError(
        f"dataset {dataset}: {one.file} has no column {column!r}, but a column {held!r} that may be the same one",
        next_step="write the file again with the dataset's column names",
    )
