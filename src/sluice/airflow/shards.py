"""Exports spread over several DAG files, by a hash of their names."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass

from sluice.errors import DefinitionError


@dataclass(frozen=True)
class Shard:
    """One of several DAG files. Every name is in exactly one of them, and stays there while their number is the same.

    Raises `DefinitionError` if there is no such shard."""

    number: int = 1
    of: int = 1

    def __post_init__(self) -> None:
        if not 1 <= self.number <= self.of:
            raise DefinitionError(
                f"there is no shard {self.number} of {self.of}",
                next_step="number the DAG files from `shard=1` to `shard=n`, all with `of=n`",
            )

    def has(self, name: str) -> bool:
        """Whether an export of this name, declared or not, belongs to it."""
        if self.of == 1:
            return True
        digest = hashlib.sha256(name.encode("utf-8", "surrogateescape")).digest()
        return int.from_bytes(digest[:8], "big") % self.of == self.number - 1


WHOLE = Shard()
"""All exports in one DAG file."""
