"""A table that a translated query reads."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from sluice.errors import DefinitionError
from sluice.sql.names import Names
from sluice.sql.translation.spelling import Kind

if TYPE_CHECKING:
    import pyarrow as pa


@dataclass(frozen=True)
class Compared:
    """A column, as an engine compares it."""

    kind: Kind | None
    """What its values are; None if DuckDB and the engine may compare them differently."""
    spelled: str
    """The type in the words of those who store it, for messages."""
    type: pa.DataType
    """The delivered type."""


@dataclass(frozen=True)
class Relation:
    """Rows that a translated query reads."""

    from_: str
    """What FROM lists: a quoted name, spelled for the engine."""
    columns: Mapping[str, Compared] | None
    """Its columns by name. None if they are not known: then every name is taken for a column."""
    query: str = ""
    """The query that `from_` names; empty for a table. It is evaluated once, however often it is read."""

    def has(self, written: str) -> bool:
        """Whether a column has this name, in any case."""
        return self.columns is None or written in Names(self.columns)

    def own(self, written: str) -> str | None:
        """The column that a name in SQL refers to; None if it is ambiguous."""
        if self.columns is None:
            return written
        try:
            return Names(self.columns).own(written)
        except DefinitionError:
            return None
