"""The tables that names in a query refer to."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager

from sluice.sql.names import fold
from sluice.sql.translation.relation import Relation
from sluice.sql.translation.spelling import UnlikeError

Tables = dict[str, tuple[str, Relation]]
"""The tables of one FROM, by the name that the query calls them in lower case: the name in the translation, and the
table."""


class Scopes:
    """The tables of a FROM, and of those around it."""

    def __init__(self) -> None:
        self._open: list[Tables] = []
        self._near = False

    @property
    def innermost(self) -> Tables:
        """The tables of the FROM that is read now."""
        return self._open[-1]

    @contextmanager
    def inner(self, *, near: bool) -> Iterator[Tables]:
        """A FROM inside the others. Its tables are added as they are read. `near` if names may only refer to it and to
        the one around it."""
        self._open.append({})
        self._near = near
        try:
            yield self._open[-1]
        finally:
            self._open.pop()

    def resolved(self, names: Sequence[str]) -> tuple[str, Relation, str]:
        """The table's name in the translation, the table, and the column. The innermost tables come first. Raises
        `UnlikeError` for what is no column, or not clearly one."""
        for far, tables in enumerate(reversed(self._open)):
            if len(names) > 1 and any(table.columns and table.has(names[0]) for _, table in tables.values()):
                break
            called = tables if len(names) == 1 else {names[0]: tables.get(fold(names[0]))}
            found = [one for one in called.values() if one and one[1].has(names[-1])]
            sure = len(found) == 1 or any(table.columns is None for _, table in found)
            if found and len(names) <= 2 and sure and (own := found[0][1].own(names[-1])):
                if self._near and far > 1:
                    raise UnlikeError(f"a subquery of a subquery refers to {'.'.join(names)} of the outermost FROM")
                return (*found[0], own)
            if found:
                break
        raise UnlikeError(f"{'.'.join(names)} is no column, or not clearly one")
