"""Which column of a file is which of its dataset's: nothing is null because it was looked for under a wrong name.

A column is absent from a file only if the file lacks it by every identity it has: its name in whatever case, the
number that its writer gave it (`PARQUET:field_id`), and the physical name under which a table format keeps it
(`delta.columnMapping.physicalName`). The last two are known where the schema's fields carry them as metadata.
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
    """The columns of one file, as its footer tells them."""

    file: str
    names: Collection[str]
    """In their order, and found without a search."""
    numbers: Mapping[int, str]
    """Those that have a number."""


def each_once(file: str, names: Sequence[str], *, dataset: str) -> None:
    """Raises `FatalError` where a file has two columns of one name."""
    if twice := doubled(names):
        raise FatalError(
            f"dataset {dataset}: {file} has two columns named {twice!r}",
            next_step="write the file again with one of them, or with another name",
        )


def check(schema: pa.Schema, files: Iterable[Columns], *, dataset: str) -> None:
    """Raises `FatalError` where a file holds a column of the schema under another name than the schema's."""
    seen: dict[int, dict[str, Columns]] = {}
    checked: set[tuple[object, ...]] = set()
    for one in files:
        shape = (tuple(one.names), tuple(one.numbers.items()))
        if shape not in checked:
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
    """Of two files that have a number in common but not its name, one was written after a rename. Where one of them
    has both names, its writer counts its columns, and the number says nothing."""
    own = {*one.names}
    for number, name in one.numbers.items():
        for other, before in seen.setdefault(number, {}).items():
            if other not in own and name not in before.names:
                raise FatalError(
                    f"dataset {dataset}: column {number} is named {other!r} in {before.file} and {name!r} in "
                    f"{one.file}: it was renamed, and half of its values would be null",
                    next_step="declare the table by its own type (iceberg, delta), or write the older files again",
                )
        seen[number].setdefault(name, one)


def _elsewhere(column: str, held: str, one: Columns, dataset: str) -> FatalError:
    return FatalError(
        f"dataset {dataset}: {one.file} has no column {column!r}, and holds what may be the same one as {held!r}",
        next_step="write the file again with the dataset's own names",
    )
