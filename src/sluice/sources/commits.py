"""The commits in the log of a Delta or Iceberg table: which files hold the rows that they added, each row once."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import NamedTuple, Protocol

from sluice.errors import FatalError
from sluice.model.run import Window
from sluice.sources.base import Pinned
from sluice.sources.file_set import Entry, FileSet
from sluice.sources.position import START_AGAIN, Position, same_table

START = "None"
"""Stands for the state before the table's first version. Stored positions contain this text: do not change it."""


class Version(NamedTuple):
    """One entry of a table's log."""

    id: str
    """The snapshot id, or the version number."""
    at: datetime
    """The commit time. Writers' clocks differ, so a later version may have an earlier time."""
    parent: str
    """The previous version, known even if the table no longer remembers it. `START` for the first version."""


_KEEP = "Keep {} for longer than the longest pause between two deliveries"


@dataclass(frozen=True)
class Commit:
    """The changes of one entry in a table's log."""

    added: frozenset[str] = frozenset()
    """Files added to the table."""
    removed: frozenset[str] = frozenset()
    """Files removed from the table."""
    compacts: bool = False
    """Whether this is a compaction: the same rows in other files."""
    marks: bool = False
    """Whether rows were marked as deleted in files that remain. Such files hold rows that the table no longer has."""


@dataclass
class _Compaction:
    """New files (`sources`) that a compaction rewrote into other files (`results`), which also hold older rows."""

    sources: set[str]
    results: set[str]


@dataclass
class _New:
    """The files with new rows, updated commit by commit."""

    files: dict[str, Version] = field(default_factory=dict)
    compactions: list[_Compaction] = field(default_factory=list)

    def follow(self, version: Version, commit: Commit) -> None:
        if commit.compacts:
            self._compacted(commit)
            return
        for name in commit.removed:
            self.files.pop(name, None)
            self._rewritten(name, version)
        self.files |= dict.fromkeys(sorted(commit.added), version)

    def _compacted(self, commit: Commit) -> None:
        """Keep reading new rows from the files in which they arrived. If this compaction rewrites the results of an
        earlier one, merge the two."""
        # Chained compactions: what this one reads may be what earlier ones wrote. The chain keeps the first sources.
        again = [one for one in self.compactions if one.results & commit.removed]
        sources = commit.removed & self.files.keys() | {name for one in again for name in one.sources}
        results = commit.added | {name for one in again for name in one.results - commit.removed}
        self.compactions = [one for one in self.compactions if one not in again]
        if sources:
            self.compactions.append(_Compaction(set(sources), set(results)))

    def _rewritten(self, name: str, version: Version) -> None:
        """Rows of a compacted file were changed. The new rows in it cannot be told from the old ones, so the whole
        result of the compaction counts as new."""
        for one in [one for one in self.compactions if name in one.results]:
            self.compactions.remove(one)
            for source in one.sources:
                self.files.pop(source, None)
            self.files |= dict.fromkeys(sorted(one.results - {name}), version)


def new_files(commits: Iterable[tuple[Version, Commit]]) -> dict[str, Version]:
    """The files that hold the rows added by these commits (given oldest first), each with a version that contains it.

    Files of an append are new. A file that an update or a delete rewrote is new as a whole. Compaction adds nothing:
    compacted rows are read from the files in which they arrived. Rows that a later one of these commits removed are
    not delivered.
    """
    new = _New()
    for version, commit in commits:
        new.follow(version, commit)
    return new.files


class Log(Protocol):
    """A source whose table has a log of commits. Implements `Growing`."""

    _dataset: str

    def versions(self, pinned: Pinned) -> Iterator[Version]:
        """The versions that led to the pinned one, newest first, as far back as the table remembers. Empty if the table
        has no version yet."""
        ...

    def commit(self, version: Version) -> Commit:
        """The changes of a version."""
        ...

    def of_files(self, pinned: Pinned, names: Mapping[str, Version]) -> Pinned:
        """Pin the rows of these files, each with the version that added it, under the schema of `pinned`."""
        ...

    def position(self, pinned: Pinned) -> Position:
        """The position after a delivery of everything that is pinned."""
        refuse_copy(self, pinned)
        return Position(by="snapshots", at=pinned.version, table=pinned.table)

    def added(self, pinned: Pinned, since: Position) -> Pinned:
        """The rows added since the position. Raises `FatalError` if the table no longer remembers every later commit,
        or is not the position's table. The delivered version itself may have expired."""
        refuse_copy(self, pinned)
        same_table(pinned.table, since, dataset=self._dataset)
        return _of_commits(self, pinned, _since(self, pinned, since.at))

    def between(self, pinned: Pinned, window: Window) -> Pinned:
        """The rows added within the window, by commit time. Includes rows that commits after the window removed."""
        refuse_copy(self, pinned)
        return _of_commits(self, pinned, _within(self, pinned, window))


def _since(log: Log, pinned: Pinned, at: str) -> list[Version]:
    """The versions after the delivered one, newest first."""
    versions: list[Version] = []
    if pinned.version == at:
        return versions
    for version in log.versions(pinned):
        versions.append(version)
        if version.parent == at:  # the delivered version itself may have expired: its successor names it
            return versions
    raise FatalError(
        f"dataset {log._dataset}: the table's log does not lead from the delivered version {at} to the current version "
        f"{pinned.version}: the table was rolled back, or snapshots have expired",
        next_step=f"{START_AGAIN}. {_KEEP.format('snapshots and the log')}",
    )


def _within(log: Log, pinned: Pinned, window: Window) -> list[Version]:
    """The versions committed within the window, newest first. Checks every remembered version, because commit times
    may go backwards."""
    versions = list(log.versions(pinned))
    # If the oldest remembered version is neither the first nor older than the window, older ones may be missing.
    if versions and versions[-1].parent != START and versions[-1].at > window.after:
        raise FatalError(
            f"dataset {log._dataset}: the log only goes back to version {versions[-1].id} of {versions[-1].at}, so the "
            f"rows added since {window.after} are no longer known (snapshots have expired)",
            next_step="choose a later time window, or deliver everything: `sluice run EXPORT --mode full`",
        )
    return [version for version in versions if window.after < version.at <= window.until]


def _of_commits(log: Log, pinned: Pinned, versions: Sequence[Version]) -> Pinned:
    commits = [(version, log.commit(version)) for version in reversed(versions)]
    refuse_copy(log, pinned, copied=any(commit.marks for _, commit in commits))
    return log.of_files(pinned, new_files(commits))


def entries_of(files: FileSet, names: Iterable[str], *, dataset: str) -> list[Entry]:
    """The files with new rows. Raises `FatalError` if one is missing: tables keep compacted files for a limited
    time."""
    try:
        return files.entries(names)
    except FatalError as gone:
        raise FatalError(
            f"{gone.what}: it held rows added to {dataset} since the last delivery",
            next_step=f"{START_AGAIN}. {_KEEP.format('old files')}",
        ) from gone


def refuse_copy(log: Log, pinned: Pinned, *, copied: bool = False) -> None:
    """Raise `FatalError` if the table's rows must be copied: a copy does not show when each row was added."""
    if pinned.spool or copied:
        raise FatalError(
            f"dataset {log._dataset}: the table has deleted rows or renamed columns, so it is read through a copy, "
            "which does not show which rows are new",
            next_step="rewrite the table's files; or declare a column: `incremental: {column: ...}`; or export it with "
            "`mode: full` or `mode: changes`",
        )
