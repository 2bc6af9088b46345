"""Links of a filesystem, and the folder of a connection that none of them may lead out of."""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import NamedTuple, Protocol

from sluice.errors import FatalError


class Item(NamedTuple):
    """What is found under a name."""

    name: str
    link: bool
    folder: bool
    size: int
    modified: int
    """As `File` has it: nanoseconds on a local disk, seconds elsewhere."""


class Links(Protocol):
    """A filesystem that has links."""

    def real(self, path: str) -> str | None:
        """Where a path leads; of one that is not there, as far as it does. None where a link leads to what the server
        does not name."""
        ...

    def scan(self, folder: str) -> Iterator[Item]:
        """What is in a folder; links as themselves. Raises `FileNotFoundError` where there is no such folder."""
        ...

    def look(self, path: str) -> Item | None:
        """What a path leads to, links followed; None where nothing is there."""
        ...


class LocalLinks:
    """Of the machine's own filesystem."""

    def real(self, path: str) -> str:
        return os.path.realpath(path)

    def scan(self, folder: str) -> Iterator[Item]:
        with os.scandir(folder) as entries:
            for entry in entries:
                with suppress(FileNotFoundError):  # what is removed while we look was not there
                    yield self._item(entry.name, entry.stat(follow_symlinks=False))

    def look(self, path: str) -> Item | None:
        try:
            return self._item("", Path(path).stat())
        except FileNotFoundError:
            return None

    def _item(self, name: str, told: os.stat_result) -> Item:
        return Item(name, stat.S_ISLNK(told.st_mode), stat.S_ISDIR(told.st_mode), told.st_size, told.st_mtime_ns)


class Bounded:
    """A connection's folder, which no link leads out of. Errors name the connection."""

    def __init__(self, links: Links, base: str, conn_id: str) -> None:
        self.links = links
        self.conn_id = conn_id
        self._base = base

    def check(self, path: str) -> str:
        """The real path of a path below the folder. Raises `FatalError` where a link on the way leads out of it."""
        real, bound = self.links.real(path), self.links.real(self._base) or self._base
        if real is None:
            raise self.unnamed(path)
        if not within(real, bound):
            raise self._outside(*self._leading_out(path, real, bound), bound)
        return real

    def unnamed(self, path: str) -> FatalError:
        return FatalError(
            f"connection {self.conn_id}: {path} is a link, and the server does not say where it leads",
            next_step="remove the link, or put the data itself there",
        )

    def _outside(self, link: str, target: str, bound: str) -> FatalError:
        return FatalError(
            f"connection {self.conn_id}: {link} leads to {target}, which is outside of the connection's folder {bound}",
            next_step="put the data itself there, or name a connection of the folder that the data is in",
        )

    def _leading_out(self, path: str, real: str, bound: str) -> tuple[str, str]:
        """The first part of a path that lies outside, and where it leads."""
        rest = path.removeprefix(self._base).strip("/").split("/")
        for count in range(1, len(rest)):
            part = "/".join(filter(None, [self._base.rstrip("/"), *rest[:count]]))
            target = self.links.real(part)
            if target is not None and not within(target, bound):
                return part, target
        return path, real


def within(real: str, bound: str) -> bool:
    return real == bound or real.startswith(bound.rstrip("/") + "/")
