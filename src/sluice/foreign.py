"""The part of a library's error that Sluice's errors may repeat.

Libraries quote customers' values, and errors go to logs, XComs, mail and webhooks. So Sluice shows the error's type,
its code, fixed phrases of the engine, and names that occur in Sluice's own statement.

SQL can make an engine raise any text (`error(email)` in DuckDB, `RAISE` in PostgreSQL), so nothing else of an engine's
error is shown. The text of any other error is shown up to the first character that may start a value.
"""

from __future__ import annotations

import re
from contextlib import suppress
from importlib import import_module

from sluice.errors import SluiceError

_ENGINE = re.compile(
    r"(Invalid Input|Conversion|Out of Range|Out of Memory|Not implemented|Binder|Catalog|Parser|Syntax|Constraint|IO|"
    r"Serialization|TransactionContext|Permission|INTERNAL|FATAL|Mismatch Type|Invalid type|Sequence) Error: "
)
"""How the text of a DuckDB error starts. The Python type varies: errors of a stream are `OSError`."""
_PHRASES = re.compile(
    r"(?:could not|cannot|can't|failed to|unable to) (?:convert|cast|parse|decode|allocate|write|read)(?: \w+ string| "
    r"string| block| file)?|type \w+ with value|overflow in \w+(?: of \w+)?|malformed json|unknown timezone|extract "
    r"specifier|out of range|outside of supported range|out of memory|invalid (?:date|timestamp|time|interval) field "
    r"format|invalid input for hex digit|invalid input syntax|invalid unicode|invalid utf-?8|invalid byte sequence|"
    r"map keys must be unique|argument index|division by zero|no space left|more than one row returned|"
    r"more rows than (?:fit|expected)|no such (?:table|column|function)|syntax error|does not exist|doesn't exist|"
    r"unknown (?:column|table|database)|permission denied|access denied|database is locked|unable to open database|"
    r"authentication failed|connection (?:refused|reset|timed out|closed)|reading the stream registered as",
    re.I,
)
"""Phrases of engines that never contain a value."""
_BEFORE_VALUES = re.compile(r"[^'\"(:\n=@\[{<`\d]*")
_QUOTED = re.compile(r"""["'`]([^"'`\n]{1,128})["'`]|: ([\w.]{1,128})$""", re.M)
_LITERAL = re.compile(
    r"""(?P<name>"[^"]*")|\$(?P<tag>\w*)\$.*?(?:\$(?P=tag)\$|\Z)|[eE]'(?:[^'\\]|\\.|'')*(?:'|\Z)|'(?:[^']|'')*(?:'|\Z)""",
    re.S,
)
_LINE = re.compile(r"\n\n?LINE (\d{1,6}): ([^\n]*)\n([ \^~]*\^[ \^~]*)?")


class ForeignError(Exception):
    """Replaces a library's error in a traceback. It keeps the type and the place, and drops quoted values."""


def said(error: BaseException, ours: str = "") -> str:
    """The error's message without any value. `ours` is the statement that failed, or another text that may be shown:
    a name that the error quotes is shown if `ours` contains it outside literals."""
    text = str(error).strip()
    if type(error).__module__.partition(".")[0] == "sluice":
        return error.what if isinstance(error, SluiceError) else text
    if isinstance(error, OSError) and error.strerror and error.errno is not None:
        return error.strerror + (f": {error.filename}" if error.filename else "")
    if state := sqlstate(error):
        return f"SQLSTATE {state}{_meaning(state)}{_of_ours(text, ours)}"
    if found := _ENGINE.match(text):
        return f"{found[1]} Error{_phrase(text[found.end() :])}{_where(text, ours)}"
    kind = type(error).__name__
    if _of_a_database(error):
        return f"{kind}{_phrase(text)}{_code(error)}{_of_ours(text, ours)}"
    start = (_BEFORE_VALUES.match(text) or [""])[0]
    return f"{kind}: {start.strip()}{_phrase(text[len(start) :])}".removesuffix(": ")


def without_values(error: BaseException) -> BaseException:
    """The error and its causes. A `ForeignError` with the same traceback replaces each error of a library."""
    safe: BaseException = error
    if not isinstance(error, SluiceError):
        safe = ForeignError(f"{type(error).__module__}.{type(error).__qualname__}: {said(error)}")
        safe.__traceback__ = error.__traceback__
    cause = error.__cause__ or (None if error.__suppress_context__ else error.__context__)
    safe.__cause__ = without_values(cause) if cause is not None and cause is not safe else None
    safe.__context__ = None
    return safe


def sqlstate(error: BaseException) -> str:
    """The five-character error code of SQL databases; empty if the error has none."""
    state = getattr(error, "sqlstate", None) or getattr(error, "pgcode", None)
    return state if isinstance(state, str) and re.fullmatch(r"[0-9A-Z]{5}", state) else ""


def without_literals(statement: str) -> str:
    """The statement with each literal's content replaced by dots; every character keeps its position."""
    return _LITERAL.sub(lambda found: found["name"] or re.sub(r"[^'\n]", ".", found[0]), statement)


def _meaning(state: str) -> str:
    with suppress(ImportError, KeyError):
        meaning: str = import_module("psycopg2.errorcodes").lookup(state)
        return f" ({meaning.lower().replace('_', ' ')})"
    return ""


def _phrase(text: str) -> str:
    found = _PHRASES.search(text.partition("\n")[0])
    return f": {found[0]}" if found else ""


def _code(error: BaseException) -> str:
    """The database's own code from its driver: SQLite's error name, or the number that MySQL's drivers put first."""
    code = getattr(error, "sqlite_errorname", None) or next(iter(error.args), None)
    known = isinstance(code, int) or (isinstance(code, str) and re.fullmatch(r"SQLITE_[A-Z_]+", code))
    return f" ({code})" if known else ""


def _of_ours(text: str, ours: str) -> str:
    """The names that the error quotes and that our statement contains."""
    words = set(re.findall(r"[\w.]+", without_literals(ours)))
    quoted = dict.fromkeys(one or last for one, last in _QUOTED.findall(text.partition("\n")[0]))
    names = [name for name in quoted if name in words]
    return f": {', '.join(names)}" if names else ""


def _where(text: str, ours: str) -> str:
    """The line of our statement that an engine quotes below its error, with its carets, without literals."""
    for line, shown, carets in _LINE.findall(text + "\n"):
        inner = shown.removeprefix("...").removesuffix("...")
        start = ours.find(inner)
        if inner and start >= 0:
            safe = without_literals(ours)[start : start + len(inner)]
            return f"\n\nLINE {line}: {shown.replace(inner, safe)}\n{carets}".rstrip()
    return ""


def _of_a_database(error: BaseException) -> bool:
    """Whether it is a DB-API error, by the class names that the standard defines."""
    kinds = {kind.__name__ for kind in type(error).__mro__}
    return "DatabaseError" in kinds or {"InterfaceError", "Error"} <= kinds
