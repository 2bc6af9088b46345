"""PostgreSQL's spelling of a translated query."""

from __future__ import annotations

from sluice.sql import quote
from sluice.sql.translation.relation import Compared
from sluice.sql.translation.spelling import Kind


class Postgres:
    """Casts are written `::`, and every text names its collation."""

    nests_freely = True

    def name(self, identifier: str) -> str:
        return quote(identifier)

    def column(self, sql: str, kind: Kind) -> str:
        return f'({sql} collate "C")' if kind == "text" else sql

    def key(self, sql: str, column: Compared) -> str:
        """A key of any type can be selected: it is not compared here."""
        return f'{sql} collate "C"' if column.kind == "text" else sql

    def text(self, value: str) -> str:
        """Text with backslashes means the same in every setting of `standard_conforming_strings` only as an E
        string."""
        inner = value.replace("'", "''")
        return "e'" + inner.replace("\\", "\\\\") + "'" if "\\" in value else f"'{inner}'"

    def moment(self, value: str, kind: Kind) -> str:
        return f"{kind} '{value}'"

    def number(self, sql: str, kind: Kind) -> str:
        return f"{sql}::{'float8' if kind == 'float' else 'numeric'}"

    def like(self, value: str, pattern: str, *, negated: bool) -> str:
        return f"({value} {'not like' if negated else 'like'} {self.text(pattern)} escape '')"

    def computed(self, sql: str) -> str:
        """Without the bounds of the columns' types: where DuckDB gives a number, it is this one."""
        return sql

    def sum(self, sql: str, kind: Kind) -> str:  # noqa: ARG002 - the same for both kinds
        return f"sum({sql}::numeric)"
