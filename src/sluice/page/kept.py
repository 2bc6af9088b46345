"""The declarations in memory. Reading thousands of files takes seconds, so a change is read in the background."""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Iterator
from itertools import chain
from pathlib import Path

from sluice.definition.folder import CATALOG
from sluice.definition.load import Loaded, load
from sluice.definition.memory import Memory

PAUSE = 2.0
"""Seconds between two looks at the files."""
QUICK = 0.5
"""A folder that is read within these seconds is read again by the request that notices a change."""
SURE = 2.0
"""Seconds. Clocks of file systems are coarse: a file that was changed so shortly before a look may have changed again
without another time. Then the next look reads it again."""
FOLDERS = ("exports", "connections", "catalog", *(f"catalog/{plural}" for plural in CATALOG.values()))
"""These are looked into even if they are links."""
Signature = frozenset[tuple[str | int, ...]]


class KeptDeclarations:
    """The declarations of a folder, as they were at most some seconds ago."""

    def __init__(self, folder: Path, memory: Memory) -> None:
        self._folder, self._memory = folder, memory
        self._lock = threading.Lock()
        self._seen: Signature | None = None
        """None if a file may have changed unseen since."""
        self._looked = 0.0
        self._seconds = 0.0
        self._loaded: Loaded | None = None
        self._reading = False

    @property
    def loaded(self) -> Loaded:
        """The declarations. The first call reads them; later ones may be answered with the former, while a change is
        being read."""
        with self._lock:
            if self._loaded is None:
                return self._read(signature(self._folder))
            if time.monotonic() - self._looked > PAUSE and not self._reading:
                self._follow()
            return self._loaded

    def look(self) -> None:
        """Read what has changed now."""
        with self._lock:
            self._read(signature(self._folder))

    def _follow(self) -> None:
        self._looked = time.monotonic()
        seen = signature(self._folder)
        if seen == self._seen:
            return
        if self._seconds < QUICK:
            self._read(seen)
            return
        self._reading = True
        threading.Thread(target=self._read_later, args=(seen,), daemon=True).start()

    def _read_later(self, seen: Signature) -> None:
        try:
            began = time.monotonic()
            loaded = load(self._folder, memory=self._memory)
            with self._lock:
                if self._looked < began:  # else a request has read a newer state meanwhile
                    self._loaded, self._seen, self._seconds = loaded, _sure(seen), time.monotonic() - began
        finally:
            self._reading = False

    def _read(self, seen: Signature) -> Loaded:
        began = time.monotonic()
        loaded = self._loaded = load(self._folder, memory=self._memory)
        self._seen, self._looked, self._seconds = _sure(seen), time.monotonic(), time.monotonic() - began
        return loaded


def _sure(seen: Signature) -> Signature | None:
    changed = max((int(one[1]) for one in seen), default=0)
    return seen if time.time() - changed / 1e9 > SURE else None


def signature(folder: Path) -> Signature:
    """What changes with every change below the folder: the times and the size of each file, and which file it is,
    wherever links lead; links to nothing; and folders, because they may be missing or unreadable."""
    linked = [path for path in map(str, map(folder.joinpath, FOLDERS)) if os.path.islink(path)]  # noqa: PTH114
    return frozenset(chain.from_iterable(map(_files, (str(folder), *linked))))


def _files(folder: str) -> Iterator[tuple[str | int, ...]]:
    try:
        entries = list(os.scandir(folder))
        yield folder, 0, os.stat(folder).st_mode  # noqa: PTH116 - faster
    except OSError as error:
        yield folder, 0, -(error.errno or 1)
        return
    for entry in entries:
        try:
            if entry.is_dir(follow_symlinks=False):
                yield from _files(entry.path)
                continue
            found = entry.stat()
        except OSError as error:  # a link to nothing or in a circle, or removed meanwhile
            yield entry.path, 0, -(error.errno or 1)
            continue
        times = found.st_ctime_ns, found.st_mtime_ns
        yield entry.path, *times, found.st_size, found.st_dev, found.st_ino, entry.is_symlink()
