"""The log of a Delta Lake table: one JSON file per version, with its changes and its time."""

from __future__ import annotations

import json
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from itertools import islice, takewhile
from typing import Any
from urllib.parse import unquote

from sluice.filesystem import File, Opened
from sluice.sources.commits import START, Commit, Version

_FOLDER = "_delta_log"
_AT_ONCE = 8
"""Files read in parallel: with a remote store, most of the time is waiting."""


class DeltaLog:
    """The log in a table's folder. It follows the Delta transaction log protocol."""

    def __init__(self, opened: Opened) -> None:
        self._opened = opened

    def versions(self, newest: int) -> Iterator[Version]:
        """The versions from `newest` downwards, until one whose file is missing."""
        files = {file.name: file for file in self._opened.list(_FOLDER)}
        there = takewhile(lambda number: _name(number) in files, range(newest, -1, -1))
        with ThreadPoolExecutor(_AT_ONCE, "log") as threads:
            # In batches: callers stop early, and `map` over the whole log would read all of it.
            while some := list(islice(there, _AT_ONCE)):
                yield from threads.map(lambda number: self._version(number, files[_name(number)]), some)

    def commit(self, number: int) -> Commit:
        """The changes of a version."""
        actions = [json.loads(line) for line in _lines(self._opened.read_bytes(_name(number)))]
        added, removed = ([action[kind] for action in actions if kind in action] for kind in ("add", "remove"))
        return Commit(
            frozenset(unquote(one["path"]) for one in added),
            frozenset(unquote(one["path"]) for one in removed),
            compacts=not any(one.get("dataChange", True) for one in [*added, *removed]),
            marks=any(one.get("deletionVector") for one in added),
        )

    def _version(self, number: int, file: File) -> Version:
        info = _info(self._opened.read_bytes(file.name))
        stamp = info.get("inCommitTimestamp", info.get("timestamp"))
        seconds = self._written(file) if stamp is None else stamp / 1000
        return Version(str(number), datetime.fromtimestamp(seconds, UTC), str(number - 1) if number else START)

    def _written(self, file: File) -> float:
        """The file's modification time in seconds of UNIX time, used if the writer recorded no time: `commitInfo` is
        optional."""
        return file.modified / 1_000_000_000 if self._opened.local else file.modified


def _name(number: int) -> str:
    return f"{_FOLDER}/{number:020d}.json"


def _lines(body: bytes) -> list[bytes]:
    return [line for line in body.splitlines() if line.strip()]


def _info(body: bytes) -> dict[str, Any]:
    """The `commitInfo` of a version, if it has one. Other lines are not parsed: a version may add a million files."""
    actions = (json.loads(line) for line in _lines(body) if b'"commitInfo"' in line)
    return next((action["commitInfo"] for action in actions if "commitInfo" in action), {})
