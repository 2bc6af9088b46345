"""A discovered table, and its declaration as YAML."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from sluice.definition.edit.spell import spell

if TYPE_CHECKING:
    import pyarrow as pa

_OTHER = re.compile(r"[^a-z0-9_-]+")
_LONGEST_LINE = 110
_COLUMN = 22


@dataclass(frozen=True)
class Guess:
    """A guessed value, and the reason for it."""

    value: str
    why: str


@dataclass(frozen=True)
class Found:
    """A discovered table."""

    name: str
    """A name for the dataset, derived from the table's name."""
    source: Mapping[str, str]
    """The `source` of its declaration."""
    schema: pa.Schema
    kind: Guess
    key: Guess
    partitions: tuple[str, ...] = ()
    """Partition columns, from folders named `key=value`."""

    def declaration(self, name: str) -> str:
        """The dataset as YAML under this name, with comments for the columns' types and the reasons of guesses."""
        lines = [*_wrapped(", ".join(f"{one.name} {one.type}" for one in self.schema))]
        if self.partitions:
            lines.append(f"# partition columns: {', '.join(self.partitions)}")
        lines += [
            f"{spell(name)}:",
            _line("kind", self.kind),
            _line("key", self.key),
            f"  source: {spell(dict(self.source))}",
        ]
        return "\n".join(lines) + "\n"


def dataset_name(table: str) -> str:
    """A dataset name for a table: lower case, starting with a letter, with `-` instead of invalid characters."""
    name = _OTHER.sub("-", table.lower()).strip("-_")
    return (name if name[:1].isalpha() else f"dataset-{name}".rstrip("-"))[:100]


def _line(key: str, guess: Guess) -> str:
    return f"  {key}: {spell(guess.value)}".ljust(_COLUMN) + f"  # {guess.why}"


def _wrapped(text: str) -> list[str]:
    lines, words = ["#"], text.split(" ")
    for word in words:
        if len(lines[-1]) + len(word) >= _LONGEST_LINE:
            lines.append("#")
        lines[-1] += f" {word}"
    return lines
