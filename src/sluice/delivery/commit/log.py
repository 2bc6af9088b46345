"""An append-only log: numbered entries in a folder of staging, each created exactly once.

Creating the next number is the only way to change anything, and only one process can create it. So nothing needs a lock
or a second check: a process that loses a number reads the log again and decides again. Delta Lake's log is the model.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Protocol

from sluice.errors import FatalError
from sluice.filesystem import File

KEPT = 5000
"""Entries that stay in memory, at most: a server may read a long log for months."""
_ENTRY = re.compile(r"([0-9]{8})/entry\.json")


class Folder(Protocol):
    """What a log needs of a filesystem: a part of `Opened`."""

    def list(self) -> Sequence[File]:
        """Every file below, sorted by name."""
        ...

    def create(self, name: str, body: bytes) -> bool:
        """Create the file only if it does not exist; whether it was created."""
        ...

    def find_bytes(self, name: str) -> bytes | None: ...
    def remove_tree(self, folder: str) -> None: ...
    def at(self, name: str) -> str: ...


class Log:
    """Entries 1, 2, ... without a gap. Entries never change, so those in memory are not read again."""

    def __init__(self, folder: Folder) -> None:
        self._folder = folder
        self._read: dict[int, bytes] = {}

    def numbers(self) -> list[int]:
        """The numbers of the existing entries, ascending."""
        return sorted(int(found[1]) for file in self._folder.list() if (found := _ENTRY.fullmatch(file.name)))

    def read(self, number: int) -> bytes | None:
        """An entry; None if it does not exist."""
        body = self._read.get(number)
        if body is None:
            body = self._folder.find_bytes(_name(number))
            if body is not None:
                if len(self._read) >= KEPT:
                    self._read.clear()
                self._read[number] = body
        return body

    def append(self, number: int, body: bytes, *, anchor: int) -> bool:
        """Create an entry; False if another process has created it.

        A log is removed from its beginning. So `anchor`, an earlier entry, must still exist afterwards. If it does not,
        the log was removed while this process slept, and the new entry is void. The first entry of a log is its own
        anchor."""
        if not self._folder.create(_name(number), body) and self.read(number) != body:
            return False
        if anchor != number and self._folder.find_bytes(_name(anchor)) is None:
            self.remove([number])
            return False
        self._prove(number, body)
        return True

    def remove(self, numbers: list[int]) -> None:
        """Remove entries, the oldest first."""
        for number in sorted(numbers):
            self._folder.remove_tree(f"{number:08d}")

    def _prove(self, number: int, body: bytes) -> None:
        """Some servers ignore the condition and report success. Creating the first entry twice reveals that."""
        if number == 1 and self._folder.create(_name(1), body):
            raise FatalError(
                f"{self._folder.at(_name(1))} was created twice: this server ignores the condition that a file must not"
                " exist, so two processes could publish the same delivery",
                next_step="put staging on a store that supports exclusive creation of files; `sluice check --connect`"
                " tests that",
            )


def _name(number: int) -> str:
    return f"{number:08d}/entry.json"
