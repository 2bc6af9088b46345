"""Values of a translated query, and which of them DuckDB and another engine compare alike."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from sluice.sql.translation.spelling import Kind, Spelling, UnlikeError

_EXACT = 15
"""Digits of a number that a double holds exactly, however it was converted."""
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


@dataclass(frozen=True)
class Term:
    """A value in the engine's SQL. Of a constant, `text` is what was written."""

    sql: str
    kind: Kind
    text: str | None = None
    found: bool = False
    """Whether it depends on the answer of an IN with a subquery, which may be null."""


def constant(kind: str, text: str, spelling: Spelling) -> Term:
    """A constant of a parsed statement."""
    if kind == "NULL_LITERAL":
        return Term("null", "null", text)
    if kind == "BOOLEAN" and text in ("true", "false"):
        return Term(text, "bool", text)
    if kind == "STRING" and "\0" not in text:
        return Term(spelling.text(text), "text", text)
    if kind in ("INTEGER", "NUMERIC") and _NUMBER.fullmatch(text) and len(re.sub(r"\D", "", text)) <= _EXACT:
        return Term(f"({text})", "decimal" if "." in text else "whole", text)
    raise UnlikeError(f"the constant {text} may be read differently")


def alike(spelling: Spelling, *terms: Term) -> list[str]:
    """The SQL of values that are compared with one another. Raises `UnlikeError` if the engines may compare them
    differently."""
    kinds = {term.kind for term in terms} - {"null", "unknown"}
    columns = {term.kind for term in terms if term.text is None} - {"unknown"}
    if "unknown" in {term.kind for term in terms} or kinds <= {"whole", "decimal"}:
        return [term.sql for term in terms]
    if columns == {"float"} and kinds <= {"float", "whole", "decimal"}:
        return [one.sql if one.kind in ("float", "null") else spelling.number(one.sql, "float") for one in terms]
    for kind, widened in _WIDENED.items():
        if kind in kinds and kinds <= {kind, *widened} and columns <= {kind}:
            return [moment(one.text or "", kind, spelling).sql if one.kind in widened else one.sql for one in terms]
    if len(kinds) == 1 and columns == kinds:
        return [term.sql for term in terms]
    raise UnlikeError(f"it compares {' with '.join(sorted(kinds))}")


def moment(text: str, kind: Kind, spelling: Spelling) -> Term:
    """A date or time that was written as text. Only spellings that both engines read alike, whatever their settings."""
    try:
        read = datetime.fromisoformat(text) if _SPELLINGS[kind].fullmatch(text) else None
        in_utc = (read if read.tzinfo else read.replace(tzinfo=UTC)).astimezone(UTC) if read else None
    except (ValueError, OverflowError):
        in_utc = None
    if in_utc is None:
        raise UnlikeError(f"'{text}' is not a {kind} in ISO format")
    spelled = in_utc.date().isoformat() if kind == "date" else in_utc.isoformat(" ")
    plain = spelled.removesuffix("+00:00") if kind == "timestamp" else spelled
    return Term(spelling.moment(plain, kind), kind, text)


def demand(term: Term, kinds: Sequence[str], what: str) -> None:
    """Raise `UnlikeError` for a value of another kind."""
    if term.kind not in kinds:
        raise UnlikeError(f"{what} {term.kind}")
