"""The engine's names of a dataset's columns.

For DuckDB, `Email` and `email` are the same name, quoted or not; in files and tables they can be two columns. Columns
whose names differ only in case therefore get other names in the engine, and SQL refers to the one it spells exactly.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from typing import TYPE_CHECKING

from sluice.errors import DefinitionError

if TYPE_CHECKING:
    import pyarrow as pa


def fold(name: str) -> str:
    """The common form of names that differ only in case."""
    return name.lower()


def twins(names: Iterable[str]) -> dict[str, list[str]]:
    """The names that differ only in case from another one, by their common form."""
    spelled: dict[str, list[str]] = {}
    for name in dict.fromkeys(names):
        spelled.setdefault(fold(name), []).append(name)
    return {common: own for common, own in spelled.items() if len(own) > 1}


class Names:
    """The columns of the tables that one statement reads, with their names in the engine."""

    def __init__(self, *tables: Iterable[str], inner: Mapping[str, Mapping[str, list[str]]] | None = None) -> None:
        listed = [list(dict.fromkeys(table)) for table in tables]
        self._spelled: dict[str, list[str]] = {}
        for name in dict.fromkeys(name for table in listed for name in table):
            self._spelled.setdefault(fold(name), []).append(name)
        self.twins = {common: self._spelled[common] for table in listed for common in twins(table)}
        """The names of which a table has several spellings, by their common form."""
        self.inner = {column: found for column, found in (inner or {}).items() if found}
        """The columns with structs whose fields differ only in case, and those fields."""
        self._engine = dict(self._renamed())

    def __contains__(self, name: str) -> bool:
        """Whether a column has this name, ignoring case."""
        return fold(name) in self._spelled

    def __getitem__(self, own: str) -> str:
        """The engine's name of a column: the column's own name, unless another one differs from it only in case."""
        return self._engine.get(own, own)

    @property
    def are_plain(self) -> bool:
        """Whether no two names differ only in case, so that the engine can run SQL unchanged."""
        return self.are_own and not self.inner

    @property
    def are_own(self) -> bool:
        """Whether every column has its own name in the engine."""
        return not self._engine

    def own(self, written: str) -> str | None:
        """The column that a name in SQL refers to: the one with this exact spelling, or else the only one in another
        case. None if there is none. Raises `DefinitionError` if the name is ambiguous."""
        spelled = self._spelled.get(fold(written), [])
        if written in spelled:
            return written
        if len(spelled) > 1:
            raise unclear(written, spelled)
        return spelled[0] if spelled else None

    def free(self, name: str) -> str:
        """A name that no column has, ignoring case."""
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
    """The error of an ambiguous name: several columns, or several fields of a struct, differ only in case."""
    listed = list(spelled)
    return DefinitionError(
        f"{written!r} is ambiguous: {' and '.join(map(repr, listed))} differ only in case",
        known=listed,
        next_step="use the exact spelling, give nothing else this name in any case, or rename one of them upstream",
    )


def doubled(names: Iterable[str]) -> str | None:
    """The first name that occurs twice in the same spelling."""
    return next((name for name, count in Counter(names).items() if count > 1), None)


def _inside(kind: pa.DataType) -> dict[str, list[str]]:
    """The fields of structs, at any depth, whose names differ only in case from another field of the same struct."""
    import pyarrow as pa

    children = [kind.field(index) for index in range(kind.num_fields)]
    found = twins(child.name for child in children) if pa.types.is_struct(kind) else {}
    for child in children:
        found |= _inside(child.type)
    return found
