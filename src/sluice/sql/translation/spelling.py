"""What a translation needs to know of an engine: how it writes names, constants and comparisons."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal, Protocol

if TYPE_CHECKING:
    from sluice.sql.translation.relation import Compared

Kind = Literal["whole", "decimal", "float", "text", "bool", "date", "timestamp", "timestamptz", "null", "unknown"]
"""What a value is. `null` is the constant. `unknown` is a column whose type has not been asked for: it fits any."""


class UnlikeError(ValueError):
    """Another engine may give another answer than DuckDB. The message says why, as a part of a sentence."""


class Spelling(Protocol):
    """One engine's spelling. Whatever it writes is independent of the settings of its sessions and databases."""

    def name(self, identifier: str) -> str:
        """A quoted name."""
        ...

    def column(self, sql: str, kind: Kind) -> str:
        """A column, as it is compared."""
        ...

    def key(self, sql: str, column: Compared) -> str:
        """A column, as it is selected. Raises `UnlikeError` if its values cannot be returned as they are."""
        ...

    def text(self, value: str) -> str:
        """A constant text."""
        ...

    def moment(self, value: str, kind: Kind) -> str:
        """A constant date or time in ISO format, with a space between day and time."""
        ...

    def number(self, sql: str, kind: Kind) -> str:
        """A number as the engine's exact `whole`, for arithmetic, or as its `float`."""
        ...

    def like(self, value: str, pattern: str, *, negated: bool) -> str:
        """Whether a text matches the constant pattern, in which no character escapes another."""
        ...

    def computed(self, sql: str) -> str:
        """The result of arithmetic on whole numbers."""
        ...

    def sum(self, sql: str, kind: Kind) -> str:
        """The exact sum of whole numbers or decimals."""
        ...

    @property
    def nests_freely(self) -> bool:
        """Whether a subquery may stand wherever a value may, and refer to every FROM around it. If not, it may only be
        a condition of WHERE or HAVING that refers to the nearest FROM around it."""
        ...
