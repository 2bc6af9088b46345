"""Rows as text cells: what the delimited formats share."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import TYPE_CHECKING

from sluice.errors import FatalError

if TYPE_CHECKING:
    import polars as pl


def flat(rows: pl.DataFrame) -> pl.DataFrame:
    """The rows with lists, structs and maps as JSON text. Null stays null."""
    import polars as pl

    columns = [_json_text(column) if column.dtype.is_nested() else column for column in rows]
    return pl.DataFrame(columns)


def _json_text(column: pl.Series) -> pl.Series:
    import polars as pl

    # Polars encodes structs only: wrap the column in one, and strip the wrapper's text.
    whole = pl.DataFrame({"v": column}).select(
        pl.when(pl.col("v").is_not_null())
        .then(pl.struct("v").struct.json_encode().str.strip_prefix('{"v":').str.strip_suffix("}"))
        .alias("v")
    )
    return whole.to_series().alias(column.name)


def texts(rows: pl.DataFrame) -> list[pl.Series]:
    """The text columns. Only these can contain a delimiter."""
    import polars as pl

    return [column for column in rows if column.dtype == pl.String]


def prove_separate(text: bytes, rows: pl.DataFrame, expected: Mapping[str, int], advice: str) -> None:
    """Raise `FatalError` naming the column if a value contains a separator.

    `expected` says how often each separator occurs in one row of `text`. Counting them in the text is a hundred times
    faster than searching every value."""
    if any(text.count(char.encode()) != times * rows.height for char, times in expected.items()):
        guilty = next((c for c in texts(rows) if c.str.contains_any(list(expected)).any()), None)
        name = f"column `{guilty.name}`" if guilty is not None else "a value"
        raise FatalError(f"{name} contains one of the separator characters ({spell(expected)})",
                         next_step=advice)  # fmt: skip


def spell(characters: Collection[str]) -> str:
    r"""Characters in readable form: `|`, `\t`."""
    return ", ".join(f"`{char!r}`".replace("'", "") for char in characters)
