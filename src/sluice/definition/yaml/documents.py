"""Documents that were read before. A file that has not changed is neither read nor parsed again."""

from __future__ import annotations

import hashlib
import os
import time
from collections.abc import Callable, Container
from dataclasses import dataclass
from pathlib import Path

from sluice.definition.yaml.position import Document

SURE = 2.0
"""Seconds. A file that was changed so shortly before it was read may change again without another time: clocks of file
systems are coarse. It is read again."""
_State = tuple[int, int, int, int, int, str]


@dataclass(frozen=True)
class _Kept:
    state: _State | None
    """None if the file may change without a change of its state."""
    digest: bytes
    document: Document


class Documents:
    """The documents of one folder, by path. Any number of threads may share them."""

    def __init__(self) -> None:
        self._kept: dict[Path, _Kept] = {}

    def read(self, path: Path, read: Callable[[], bytes], parse: Callable[[bytes], Document]) -> Document:
        """The document that was parsed before, if the file is the same and unchanged, or if it has the same content."""
        state = _state(path)
        kept = self._kept.get(path)
        if kept and state and state == kept.state:
            return kept.document
        body = read()
        digest = hashlib.sha256(body).digest()
        document = kept.document if kept and kept.digest == digest else parse(body)
        if state:
            self._kept[path] = _Kept(state if _is_old(state) else None, digest, document)
        return document

    def keep_only(self, documents: Container[int]) -> None:
        """Forget all documents but these, by `id`."""
        for path, kept in list(self._kept.items()):
            if id(kept.document) not in documents:
                self._kept.pop(path, None)


def _is_old(state: _State) -> bool:
    return time.time() - max(state[:2]) / 1e9 > SURE


def _state(path: Path) -> _State | None:
    """What changes with every change of a file: its times, its size, and which file it is and where, wherever links
    lead: a folder may be moved, and a link take its place."""
    try:
        found, real = os.stat(path), os.path.realpath(path)  # noqa: PTH116 - faster
    except OSError:
        return None
    return found.st_mtime_ns, found.st_ctime_ns, found.st_size, found.st_dev, found.st_ino, real
