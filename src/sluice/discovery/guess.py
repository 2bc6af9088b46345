"""Which column is a table's key, and what its rows are: guesses from names, checked against the first rows."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import TYPE_CHECKING, get_args

from sluice.definition.models.catalog import Kind
from sluice.discovery.found import Guess

if TYPE_CHECKING:
    import pyarrow as pa

SAMPLE = 1_000_000
"""Rows that a guessed key is checked against."""
_TRIED = 3
"""Columns that are looked at, the likeliest first."""

Sample = Callable[[str], "pa.ChunkedArray"]
"""The first values of a column: at most `SAMPLE`."""

_ENTITIES: Sequence[tuple[Kind, tuple[str, ...]]] = (
    ("contact", ("contact",)),
    ("account", ("account", "company", "compan", "supplier", "organisation", "organization", "vendor")),
    ("profile", ("customer", "profile", "user", "person", "people", "member", "subscriber", "visitor")),
    ("event", ("event", "order", "click", "view", "visit", "transaction", "purchase", "lineitem", "log", "flight")),
)


def guess_key(table: str, schema: pa.Schema, sample: Sample) -> tuple[Guess, bool]:
    """The likeliest key, and whether it identifies a row as far as was looked."""
    candidates = likely(table, schema)
    for name in candidates[:_TRIED]:
        values = sample(name)
        distinct = values.drop_null().unique()
        if len(values) and len(distinct) == len(values):
            return Guess(name, f"guessed: it differs in each of the {_first(len(values))}"), True
    name = candidates[0] if candidates else (schema.names or ["?"])[0]
    return Guess(name, "guessed by its name: rows share its values, or it is empty in some"), False


def guess_kind(table: str, schema: pa.Schema, *, keyed: bool) -> Guess:
    """What a row of the table is."""
    import pyarrow as pa

    words = table.lower()
    for kind, hints in _ENTITIES:
        if any(hint in words for hint in hints) and (keyed or kind == "event"):
            return Guess(kind, "guessed by the table's name")
    if not keyed and any(pa.types.is_temporal(one) for one in schema.types):
        return Guess("event", "guessed: rows have a time, and share keys")
    return Guess("table", f"or one of {', '.join(kind for kind in get_args(Kind) if kind != 'table')}")


def likely(table: str, schema: pa.Schema) -> list[str]:
    """The columns that could be the table's key by their names and types, the likeliest first."""
    return [name for _, _, name in sorted(_ranked(table, schema))]


def _ranked(table: str, schema: pa.Schema) -> Iterator[tuple[int, int, str]]:
    import pyarrow as pa

    own = {table.lower(), table.lower().removesuffix("s"), table.lower().removesuffix("es")}
    for place, field in enumerate(schema):
        if not (
            pa.types.is_integer(field.type) or pa.types.is_string(field.type) or pa.types.is_large_string(field.type)
        ):
            continue
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
