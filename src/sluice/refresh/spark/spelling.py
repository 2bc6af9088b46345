"""Spark's spelling of a translated query, under the settings of `sluice.refresh.spark.session`."""

from __future__ import annotations

from sluice.sql.translation.relation import Compared
from sluice.sql.translation.spelling import Kind, UnlikeError

_WHOLE = "decimal(20, 0)"
"""Holds every whole number that DuckDB's types hold. Beyond it Spark stops with an error, as DuckDB does earlier. With
a decimal of 18 digits it is compared in 38 digits, which Spark has: with more, it would round."""
_SUM = "decimal(38, 18)"
"""Holds the sum of decimals of 18 digits up to 10^20, with all decimals."""
_MOMENTS = {"date": "date", "timestamp": "timestamp_ntz", "timestamptz": "timestamp_ltz"}


class Spark:
    """Names stand between backticks, and a backslash escapes in every text."""

    nests_freely = False
    """Spark plans subqueries as joins. Under OR, that of IN gives false instead of null."""

    def name(self, identifier: str) -> str:
        return "`" + identifier.replace("`", "``") + "`"

    def column(self, sql: str, kind: Kind) -> str:
        """A condition on a float is kept away from the files' statistics: those leave out NaN, which Spark, as DuckDB,
        takes for the greatest number."""
        return f"nanvl({sql}, double('NaN'))" if kind == "float" else sql

    def key(self, sql: str, column: Compared) -> str:
        if column.kind is None:
            raise UnlikeError(f"its key is of type {column.spelled}")
        return sql

    def text(self, value: str) -> str:
        return "'" + value.replace("\\", "\\\\").replace("'", "\\'") + "'"

    def moment(self, value: str, kind: Kind) -> str:
        return f"{_MOMENTS[kind]} '{value}'"

    def number(self, sql: str, kind: Kind) -> str:
        return f"cast({sql} as {'double' if kind == 'float' else _WHOLE})"

    def like(self, value: str, pattern: str, *, negated: bool) -> str:
        """A backslash is always an escape in Spark's patterns, so it is written twice."""
        spelled = self.text(pattern.replace("\\", "\\\\"))
        return f"({value} {'not like' if negated else 'like'} {spelled})"

    def computed(self, sql: str) -> str:
        return f"cast({sql} as {_WHOLE})"

    def sum(self, sql: str, kind: Kind) -> str:
        kept = _SUM if kind == "decimal" else _WHOLE
        return f"cast(sum({self.number(sql, kind) if kind == 'whole' else sql}) as {kept})"
