"""Lists the files below a folder in a filesystem with links: each real file once.

A file is identified by its real path, and named by the path at which it was found, because that holds its partitions.
Files in the folder itself come before files behind links, and links are followed in the order of their names.
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
"""Characters that paths must not contain: control characters, backslashes, and Python's surrogates for bytes that are
not UTF-8."""

LeftOut = Callable[[str], bool]
"""Whether the caller skips a file of this name, or a folder if the name ends with `/`."""


def files_below(folder: str, bounded: Bounded, left_out: LeftOut) -> Iterable[Item]:
    """All files below a folder, named relative to it. Empty if the folder does not exist.

    Raises `FatalError` for a link that leads out of the connection's folder, back to a folder above this one, or to
    nothing, and for a name with characters that paths must not contain."""
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
        """Real paths of all folders that were or will be entered."""
        self.files: dict[str, Item] = {}
        """The files found, by real path."""
        self.ahead = deque([("", self._top)])
        """Folders to enter: names relative to the top, and real paths."""
        self.later: list[str] = []
        """A heap of links to follow after everything else."""

    def enter(self, name: str, real: str) -> None:
        with suppress(FileNotFoundError):  # removed since its parent was listed
            for item in self._bounded.links.scan(real):
                self._take(item, f"{name}/{item.name}" if name else item.name, f"{real.rstrip('/')}/{item.name}")

    def _take(self, item: Item, name: str, real: str) -> None:
        if item.link:
            # Whether the link leads to a file or a folder is known only when it is followed.
            if not (self._left_out(f"{name}/") and self._left_out(name)):
                heappush(self.later, name)
        elif not self._left_out(f"{name}/" if item.folder else name):
            self._add(item, name, real)

    def follow(self, name: str) -> None:
        path = f"{self._folder.rstrip('/')}/{name}" if self._folder else name
        item = self._bounded.links.look(path)
        if item is None:
            raise self._error(f"{path} is a link whose target does not exist")
        if self._left_out(f"{name}/" if item.folder else name):
            return
        real = self._bounded.check(path)
        above, _, last = path.rpartition("/")
        if real == f"{self._bounded.check(above).rstrip('/')}/{last}":
            raise self._bounded.unnamed(path)  # the server only normalizes paths instead of resolving links
        if item.folder and real != self._top and within(self._top, real):
            raise self._error(f"{path} is a link back to {real}, which contains this folder")
        self._add(item, name, real)

    def _add(self, item: Item, name: str, real: str) -> None:
        if item.folder:
            if real not in self._folders:
                self._folders.add(real)
                self.ahead.append((name, real))
        elif _UNNAMEABLE.search(name):
            raise self._error(
                f"the name {name!a} in {self._folder} contains a control character, a backslash or invalid UTF-8",
                "rename the file or folder",
            )
        else:
            self.files.setdefault(real, item._replace(name=name))

    def _error(self, what: str, next_step: str = "replace the link by the data itself, or remove it") -> FatalError:
        return FatalError(f"connection {self._bounded.conn_id}: {what}", next_step=next_step)
