"""Guesses a table's key and kind from names, and checks the key against the first rows."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import TYPE_CHECKING, get_args

from sluice.definition.models.catalog import Kind
from sluice.discovery.found import Guess

if TYPE_CHECKING:
    import pyarrow as pa

SAMPLE = 1_000_000
"""Number of rows that a guessed key is checked against."""
_TRIED = 3
"""Number of columns to check, the most likely first."""

Sample = Callable[[str], "pa.ChunkedArray"]
"""Returns the first values of a column, at most `SAMPLE`."""

_ENTITIES: Sequence[tuple[Kind, tuple[str, ...]]] = (
    ("contact", ("contact",)),
    ("account", ("account", "company", "compan", "supplier", "organisation", "organization", "vendor")),
    ("profile", ("customer", "profile", "user", "person", "people", "member", "subscriber", "visitor")),
    ("event", ("event", "order", "click", "view", "visit", "transaction", "purchase", "lineitem", "log", "flight")),
)


def guess_key(table: str, schema: pa.Schema, sample: Sample) -> tuple[Guess, bool]:
    """The most likely key, and whether it is unique in the checked rows."""
    candidates = likely(table, schema)
    for name in candidates[:_TRIED]:
        values = sample(name)
        distinct = values.drop_null().unique()
        if len(values) and len(distinct) == len(values):
            return Guess(name, f"guessed: unique in the {_first(len(values))}"), True
    name = candidates[0] if candidates else (schema.names or ["?"])[0]
    return Guess(name, "guessed by its name: its values repeat, or some are null"), False


def guess_kind(table: str, schema: pa.Schema, *, keyed: bool) -> Guess:
    """The kind of the table's rows: an entity, an event or other."""
    import pyarrow as pa

    words = table.lower()
    for kind, hints in _ENTITIES:
        if any(hint in words for hint in hints) and (keyed or kind == "event"):
            return Guess(kind, "guessed by the table's name")
    if not keyed and any(pa.types.is_temporal(one) for one in schema.types):
        return Guess("event", "guessed: rows have a time, and keys repeat")
    return Guess("table", f"or one of {', '.join(kind for kind in get_args(Kind) if kind != 'table')}")


def likely(table: str, schema: pa.Schema) -> list[str]:
    """The columns that could be the table's key by name and type, the most likely first."""
    return [name for _, _, name in sorted(_ranked(table, schema))]


def _ranked(table: str, schema: pa.Schema) -> Iterator[tuple[int, int, str]]:
    import pyarrow as pa

    own = {table.lower(), table.lower().removesuffix("s"), table.lower().removesuffix("es")}
    for place, field in enumerate(schema):
        if not (
            pa.types.is_integer(field.type) or pa.types.is_string(field.type) or pa.types.is_large_string(field.type)
        ):
            continue
        # Rank 0: named like the table's own id. Rank 1: ends like an id. Rank 2: the first column, or an e-mail.
        name = field.name.lower()
        if name in ("id", "key", "uuid") or any(
            name in (f"{one}_id", f"{one}id", f"{one}_key", f"{one}key") for one in own
        ):
            yield 0, place, field.name
        elif name.endswith(("id", "key", "uuid", "_no", "number", "code")):
            yield 1, place, field.name
        elif place == 0 or "email" in name:
            yield 2, place, field.name


def _first(rows: int) -> str:
    return f"first {rows:,} rows" if rows >= SAMPLE else f"{rows:,} rows"
