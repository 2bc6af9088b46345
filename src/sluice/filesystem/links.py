"""Links in a filesystem. None of them may lead out of the connection's folder."""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import NamedTuple, Protocol

from sluice.errors import FatalError


class Item(NamedTuple):
    """An entry of a folder: a file, a folder or a link."""

    name: str
    link: bool
    folder: bool
    size: int
    modified: int
    """As in `File`: nanoseconds on a local disk, seconds elsewhere."""


class Links(Protocol):
    """A filesystem with links."""

    def real(self, path: str) -> str | None:
        """The path with all links resolved. If the path does not exist, its existing part is resolved. None if a link
        leads to something that the server does not name."""
        ...

    def scan(self, folder: str) -> Iterator[Item]:
        """The entries of a folder, links as themselves. Raises `FileNotFoundError` if the folder does not exist."""
        ...

    def look(self, path: str) -> Item | None:
        """The file or folder at a path, with links followed. None if it does not exist."""
        ...


class LocalLinks:
    """Links in the local filesystem."""

    def real(self, path: str) -> str:
        return os.path.realpath(path)

    def scan(self, folder: str) -> Iterator[Item]:
        with os.scandir(folder) as entries:
            for entry in entries:
                with suppress(FileNotFoundError):  # removed since the folder was listed
                    yield self._item(entry.name, entry.stat(follow_symlinks=False))

    def look(self, path: str) -> Item | None:
        try:
            return self._item("", Path(path).stat())
        except FileNotFoundError:
            return None

    def _item(self, name: str, status: os.stat_result) -> Item:
        return Item(
            name, stat.S_ISLNK(status.st_mode), stat.S_ISDIR(status.st_mode), status.st_size, status.st_mtime_ns
        )


class Bounded:
    """A connection's folder as a boundary for links. Errors name the connection."""

    def __init__(self, links: Links, base: str, conn_id: str) -> None:
        self.links = links
        self.conn_id = conn_id
        self._base = base
        self._bound = ""

    def check(self, path: str) -> str:
        """The real path of a path below the folder. Raises `FatalError` if a link on the way leads out of it."""
        real = self.links.real(path)
        if real is None:
            raise self.unnamed(path)
        if not (self._bound and within(real, self._bound)):
            # The connection's folder may be a link itself, which may lead elsewhere since the last look.
            self._bound = self.links.real(self._base) or self._base
        if not within(real, self._bound):
            raise self._outside(*self._leading_out(path, real, self._bound), self._bound)
        return real

    def unnamed(self, path: str) -> FatalError:
        """The error for a link whose target the server does not show."""
        return FatalError(
            f"connection {self.conn_id}: {path} is a link, and the server does not show where it leads",
            next_step="replace the link by the data itself, or remove it",
        )

    def _outside(self, link: str, target: str, bound: str) -> FatalError:
        return FatalError(
            f"connection {self.conn_id}: {link} leads to {target}, which is outside the connection's folder {bound}",
            next_step="replace the link by the data itself, or use a connection to the folder that holds the data",
        )

    def _leading_out(self, path: str, real: str, bound: str) -> tuple[str, str]:
        """The first part of the path that leads out of the folder, and where it leads."""
        rest = path.removeprefix(self._base).strip("/").split("/")
        for count in range(1, len(rest)):
            part = "/".join(filter(None, [self._base.rstrip("/"), *rest[:count]]))
            target = self.links.real(part)
            if target is not None and not within(target, bound):
                return part, target
        return path, real


def within(real: str, bound: str) -> bool:
    """Whether a real path is the folder or below it."""
    return real == bound or real.startswith(bound.rstrip("/") + "/")
