"""The files below a folder of a filesystem that has links: each real file once.

A file's name is the path at which it was found, since partitions are read from it; its real path identifies it. Files
that lie in the folder come before files behind links, and links are followed in the order of their names.
"""

from __future__ import annotations

import re
from collections import deque
from collections.abc import Callable, Iterable
from contextlib import suppress
from heapq import heappop, heappush

from sluice.errors import FatalError
from sluice.filesystem.links import Bounded, Item, within

_UNNAMEABLE = re.compile(r"[\x00-\x1f\x7f\\\ud800-\udfff]")
"""Characters that no path may hold: control characters, backslashes, and Python's signs for bytes beside UTF-8."""

LeftOut = Callable[[str], bool]
"""Whether the reader leaves out a file of this name, or a folder, if the name ends in `/`."""


def files_below(folder: str, bounded: Bounded, left_out: LeftOut) -> Iterable[Item]:
    """Every file below a folder, by its name below it; none if there is no such folder.

    Raises `FatalError` for a link that leads out of the connection's folder, back to a folder above this one, or to
    nothing, and for a name that no path may hold."""
    walk = _Walk(folder, bounded, left_out)
    while walk.ahead or walk.later:
        if walk.ahead:
            walk.enter(*walk.ahead.popleft())
        else:
            walk.follow(heappop(walk.later))
    return walk.files.values()


class _Walk:
    def __init__(self, folder: str, bounded: Bounded, left_out: LeftOut) -> None:
        self._folder, self._bounded, self._left_out = folder, bounded, left_out
        self._top = bounded.check(folder)
        self._folders = {self._top}
        """The real paths of the folders that were entered or will be."""
        self.files: dict[str, Item] = {}
        """By their real paths."""
        self.ahead = deque([("", self._top)])
        """Folders to enter: their names below the top, and their real paths."""
        self.later: list[str] = []
        """Links to follow once everything else has been seen."""

    def enter(self, name: str, real: str) -> None:
        with suppress(FileNotFoundError):  # it was removed while we walked
            for item in self._bounded.links.scan(real):
                self._take(item, f"{name}/{item.name}" if name else item.name, f"{real.rstrip('/')}/{item.name}")

    def _take(self, item: Item, name: str, real: str) -> None:
        if item.link:
            if not (self._left_out(f"{name}/") and self._left_out(name)):
                heappush(self.later, name)
        elif not self._left_out(f"{name}/" if item.folder else name):
            self._add(item, name, real)

    def follow(self, name: str) -> None:
        path = f"{self._folder.rstrip('/')}/{name}" if self._folder else name
        item = self._bounded.links.look(path)
        if item is None:
            raise self._error(f"{path} is a link to what is not there")
        if self._left_out(f"{name}/" if item.folder else name):
            return
        real = self._bounded.check(path)
        above, _, last = path.rpartition("/")
        if real == f"{self._bounded.check(above).rstrip('/')}/{last}":
            raise self._bounded.unnamed(path)  # the server only normalizes paths
        if item.folder and real != self._top and within(self._top, real):
            raise self._error(f"{path} is a link back to {real}, which the folder itself lies in")
        self._add(item, name, real)

    def _add(self, item: Item, name: str, real: str) -> None:
        if item.folder:
            if real not in self._folders:
                self._folders.add(real)
                self.ahead.append((name, real))
        elif _UNNAMEABLE.search(name):
            raise self._error(
                f"{name!a} in {self._folder} is named with a control character, a backslash or a byte that is no UTF-8",
                "rename the file or the folder",
            )
        else:
            self.files.setdefault(real, item._replace(name=name))

    def _error(self, what: str, next_step: str = "remove the link, or put the data itself there") -> FatalError:
        return FatalError(f"connection {self._bounded.conn_id}: {what}", next_step=next_step)
