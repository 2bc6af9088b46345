"""The kinds of values that DuckDB and PostgreSQL compare alike, and constants of them in PostgreSQL's spelling."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Literal

from sluice.sources.postgres.columns import Column

Kind = Literal["whole", "decimal", "float", "text", "bool", "date", "timestamp", "timestamptz", "null", "unknown"]
"""What a value is. `null` is the constant. `unknown` is a column whose type has not been asked for: it fits any."""

_KINDS: dict[str, Kind] = {
    "bool": "bool",
    "int2": "whole",
    "int4": "whole",
    "int8": "whole",
    "float8": "float",
    "text": "text",
    "varchar": "text",
    "date": "date",
    "timestamp": "timestamp",
    "timestamptz": "timestamptz",
}
_EXACT = 15
"""Digits of a number that a double holds exactly, however it was converted."""
_DIGITS = 18
"""Digits of a decimal column. DuckDB compares longer ones as doubles once a constant has many decimals."""
_DAY = r"\d{4}-\d{2}-\d{2}"
_TIME = r"[ T](?:[01]\d|2[0-3]):[0-5]\d:[0-5]\d(?:\.\d{1,6})?"
_SPELLINGS = {
    "date": re.compile(_DAY, re.ASCII),
    "timestamp": re.compile(f"{_DAY}(?:{_TIME})?", re.ASCII),
    "timestamptz": re.compile(f"{_DAY}(?:{_TIME}(?:Z|[+-]\\d\\d(?::\\d\\d)?)?)?", re.ASCII),
}
_WIDENED: dict[Kind, set[Kind]] = {
    "date": {"text"},
    "timestamp": {"text", "date"},
    "timestamptz": {"text", "date", "timestamp"},
}
"""For each temporal kind: constants that both engines convert to it, a day to its first moment in UTC."""
_NUMBER = re.compile(r"-?[0-9]+(?:\.[0-9]+)?")


class UnlikeError(ValueError):
    """PostgreSQL may give another answer than DuckDB. The message says why, as a part of a sentence."""


@dataclass(frozen=True)
class Term:
    """A value as PostgreSQL's SQL. Of a constant, `text` is what was written."""

    sql: str
    kind: Kind
    text: str | None = None


def kind_of(column: Column) -> Kind | None:
    """What a column's values are; None if the two engines may compare them differently."""
    import pyarrow as pa

    if pa.types.is_decimal(column.type):
        return "decimal" if column.type.precision <= _DIGITS else None
    return _KINDS.get(column.server) if column.is_counterpart else None


def constant(kind: str, text: str) -> Term:
    """A constant of a parsed statement."""
    if kind == "NULL_LITERAL":
        return Term("null", "null", text)
    if kind == "BOOLEAN" and text in ("true", "false"):
        return Term(text, "bool", text)
    if kind == "STRING" and "\0" not in text:
        return Term(_quoted(text), "text", text)
    if kind in ("INTEGER", "NUMERIC") and _NUMBER.fullmatch(text) and len(re.sub(r"\D", "", text)) <= _EXACT:
        return Term(f"({text})", "decimal" if "." in text else "whole", text)
    raise UnlikeError(f"the constant {text} may be read differently")


def alike(*terms: Term) -> list[str]:
    """The SQL of values that are compared with one another. Raises `UnlikeError` if the engines may compare them
    differently."""
    kinds = {term.kind for term in terms} - {"null", "unknown"}
    columns = {term.kind for term in terms if term.text is None} - {"unknown"}
    if "unknown" in {term.kind for term in terms} or kinds <= {"whole", "decimal"}:
        return [term.sql for term in terms]
    if columns == {"float"} and kinds <= {"float", "whole", "decimal"}:
        return [term.sql if term.kind in ("float", "null") else f"{term.sql}::float8" for term in terms]
    for kind, widened in _WIDENED.items():
        if kind in kinds and kinds <= {kind, *widened} and columns <= {kind}:
            return [moment(one.text or "", kind).sql if one.kind in widened else one.sql for one in terms]
    if len(kinds) == 1 and columns == kinds:
        return [term.sql for term in terms]
    raise UnlikeError(f"it compares {' with '.join(sorted(kinds))}")


def moment(text: str, kind: Kind) -> Term:
    """A date or time that was written as text. Only spellings that both engines read alike, whatever their settings."""
    try:
        read = datetime.fromisoformat(text) if _SPELLINGS[kind].fullmatch(text) else None
        in_utc = (read if read.tzinfo else read.replace(tzinfo=UTC)).astimezone(UTC) if read else None
    except (ValueError, OverflowError):
        in_utc = None
    if in_utc is None:
        raise UnlikeError(f"'{text}' is not a {kind} in ISO format")
    spelled = in_utc.date().isoformat() if kind == "date" else in_utc.isoformat(" ")
    return Term(f"{kind} '{spelled.removesuffix('+00:00') if kind == 'timestamp' else spelled}'", kind, text)


def _quoted(text: str) -> str:
    """Text with backslashes means the same in every setting of `standard_conforming_strings` only as an E string."""
    inner = text.replace("'", "''")
    return "e'" + inner.replace("\\", "\\\\") + "'" if "\\" in text else f"'{inner}'"
