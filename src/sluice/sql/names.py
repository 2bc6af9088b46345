"""The names under which an engine knows a dataset's columns.

DuckDB takes `Email` and `email` for one name, quoted or not; the files and tables that we read do not. So columns that
differ in case alone get names of ours in the engine, and SQL means the one that it spells exactly.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from typing import TYPE_CHECKING

from sluice.errors import DefinitionError

if TYPE_CHECKING:
    import pyarrow as pa


def fold(name: str) -> str:
    """What names that differ in case alone have in common."""
    return name.lower()


def twins(names: Iterable[str]) -> dict[str, list[str]]:
    """Those of the names that differ in case alone from another one, under what they have in common."""
    spelled: dict[str, list[str]] = {}
    for name in dict.fromkeys(names):
        spelled.setdefault(fold(name), []).append(name)
    return {common: own for common, own in spelled.items() if len(own) > 1}


class Names:
    """The columns of the tables that one statement reads, and what its engine calls them."""

    def __init__(self, *tables: Iterable[str], inner: Mapping[str, Mapping[str, list[str]]] | None = None) -> None:
        listed = [list(dict.fromkeys(table)) for table in tables]
        self._spelled: dict[str, list[str]] = {}
        for name in dict.fromkeys(name for table in listed for name in table):
            self._spelled.setdefault(fold(name), []).append(name)
        self.twins = {common: self._spelled[common] for table in listed for common in twins(table)}
        """Spellings of which some table has several, under what they have in common."""
        self.inner = {column: found for column, found in (inner or {}).items() if found}
        """Columns that hold structs with such fields, and those fields."""
        self._engine = dict(self._renamed())

    def __contains__(self, name: str) -> bool:
        """Whether a column has this name, in whatever case."""
        return fold(name) in self._spelled

    def __getitem__(self, own: str) -> str:
        """What the engine calls a column: its own name, unless another column's differs from it in case alone."""
        return self._engine.get(own, own)

    @property
    def are_plain(self) -> bool:
        """Whether no two names differ in case alone, and SQL means in the engine what it means to its author."""
        return self.are_own and not self.inner

    @property
    def are_own(self) -> bool:
        """Whether the engine calls every column by its own name."""
        return not self._engine

    def own(self, written: str) -> str | None:
        """The column that SQL means by a name: the one spelled so, else the only one in another case. None where there
        is none. Raises `DefinitionError` where it could be either of two."""
        spelled = self._spelled.get(fold(written), [])
        if written in spelled:
            return written
        if len(spelled) > 1:
            raise unclear(written, spelled)
        return spelled[0] if spelled else None

    def free(self, name: str) -> str:
        """A name that no column has in any case."""
        while name in self:
            name += "_"
        return name

    def _renamed(self) -> Iterator[tuple[str, str]]:
        taken = {*self._spelled}
        for spelled in self.twins.values():
            for number, own in enumerate(spelled, 1):
                name = f"{own} ({number})"
                while fold(name) in taken:
                    name += "_"
                taken.add(fold(name))
                yield own, name


def names_of(*schemas: pa.Schema) -> Names:
    """The names of tables with these schemas."""
    inner: dict[str, dict[str, list[str]]] = {}
    for field in (field for schema in schemas for field in schema):
        inner.setdefault(field.name, {}).update(_inside(field.type))
    return Names(*(schema.names for schema in schemas), inner=inner)


def unclear(written: str, spelled: Iterable[str]) -> DefinitionError:
    """The error of a name that could mean several columns, or several fields of a struct."""
    listed = list(spelled)
    return DefinitionError(
        f"{written!r} could mean either of {' and '.join(map(repr, listed))}, which differ in case alone",
        known=listed,
        next_step="spell the name exactly, give nothing else this name in any case, or rename one of them upstream",
    )


def doubled(names: Iterable[str]) -> str | None:
    """The first name that is there twice, to the letter."""
    return next((name for name, count in Counter(names).items() if count > 1), None)


def _inside(kind: pa.DataType) -> dict[str, list[str]]:
    """The fields of structs, at whatever depth, whose names differ in case alone from another's beside them."""
    import pyarrow as pa

    children = [kind.field(index) for index in range(kind.num_fields)]
    found = twins(child.name for child in children) if pa.types.is_struct(kind) else {}
    for child in children:
        found |= _inside(child.type)
    return found
