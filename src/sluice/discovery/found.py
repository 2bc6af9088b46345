"""A table that was found, and its declaration as YAML text."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from sluice.definition.edit.key import spell

if TYPE_CHECKING:
    import pyarrow as pa

_OTHER = re.compile(r"[^a-z0-9_-]+")
_LONGEST_LINE = 110
_COLUMN = 22


@dataclass(frozen=True)
class Guess:
    """A value, and what speaks for it."""

    value: str
    why: str


@dataclass(frozen=True)
class Found:
    """One table."""

    name: str
    """A name for the dataset, made of the table's own."""
    source: Mapping[str, str]
    """Its `source`, as a declaration says it."""
    schema: pa.Schema
    kind: Guess
    key: Guess
    partitions: tuple[str, ...] = ()
    """Columns that folders named `key=value` make."""

    def declaration(self, name: str) -> str:
        """The dataset as YAML under a name, with the columns' types and the reasons of guesses as comments."""
        lines = [*_wrapped(", ".join(f"{one.name} {one.type}" for one in self.schema))]
        if self.partitions:
            lines.append(f"# columns of folders: {', '.join(self.partitions)}")
        lines += [
            f"{spell(name)}:",
            _line("kind", self.kind),
            _line("key", self.key),
            f"  source: {spell(dict(self.source))}",
        ]
        return "\n".join(lines) + "\n"


def dataset_name(table: str) -> str:
    """A dataset's name for a table: lower case, with a letter first and `-` for what a name cannot hold."""
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
