"""The commits of a table format's log: which files hold what was added by them, each row once."""

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
"""In place of a version's id: before the table's first version. Positions hold it too."""


class Version(NamedTuple):
    """One entry of a table's log."""

    id: str
    """The snapshot's id, or the version's number."""
    at: datetime
    """When it was committed. Clocks differ: a later version's time may be the earlier one."""
    parent: str
    """The version that it follows, known even if the table has forgotten that one; `START` for the first."""


_KEEP = "Keep {} for longer than the longest pause between two deliveries"


@dataclass(frozen=True)
class Commit:
    """What one entry of a table's log has changed."""

    added: frozenset[str] = frozenset()
    """Files that are part of the table since."""
    removed: frozenset[str] = frozenset()
    """Files that are no longer."""
    compacts: bool = False
    """Whether the rows are the same as before, in other files."""
    marks: bool = False
    """Whether rows were marked as deleted in files that stay: then a file's rows are not the table's."""


@dataclass
class _Compaction:
    """New files that were written again as others, which hold older rows too."""

    sources: set[str]
    results: set[str]


@dataclass
class _New:
    """The files of new rows, as the commits are gone through."""

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
        """New rows are still read from the files they came in; those that a former compaction wrote are followed on."""
        again = [one for one in self.compactions if one.results & commit.removed]
        sources = commit.removed & self.files.keys() | {name for one in again for name in one.sources}
        results = commit.added | {name for one in again for name in one.results - commit.removed}
        self.compactions = [one for one in self.compactions if one not in again]
        if sources:
            self.compactions.append(_Compaction(set(sources), set(results)))

    def _rewritten(self, name: str, version: Version) -> None:
        """Rows of a compacted file were changed: nobody can tell which were new, so all of it counts as new."""
        for one in [one for one in self.compactions if name in one.results]:
            self.compactions.remove(one)
            for source in one.sources:
                self.files.pop(source, None)
            self.files |= dict.fromkeys(sorted(one.results - {name}), version)


def new_files(commits: Iterable[tuple[Version, Commit]]) -> dict[str, Version]:
    """The files that hold the rows added by these commits, oldest first, each with the version that has it.

    An append's files are new; so is the whole of a file that an update or a delete has written again. Compaction adds
    nothing: rows that were compacted since are read from the files they came in. Rows that were removed again by one
    of these commits are not delivered.
    """
    new = _New()
    for version, commit in commits:
        new.follow(version, commit)
    return new.files


class Log(Protocol):
    """What a source of commits knows. `Growing` comes with it."""

    _dataset: str

    def versions(self, pinned: Pinned) -> Iterator[Version]:
        """The versions that led to what is pinned, the newest first, as far back as the table remembers. None if the
        table has none yet."""
        ...

    def commit(self, version: Version) -> Commit:
        """What a version has changed."""
        ...

    def of_files(self, pinned: Pinned, names: Mapping[str, Version]) -> Pinned:
        """The rows of these files, each added by a version, under the schema of what is pinned."""
        ...

    def position(self, pinned: Pinned) -> Position:
        """Where a delivery of everything that is pinned stops."""
        told(self, pinned)
        return Position(by="snapshots", at=pinned.version, table=pinned.table)

    def added(self, pinned: Pinned, since: Position) -> Pinned:
        """What was added since. Raises `FatalError` if the table no longer remembers every later commit, or is another
        table than the position's. The delivered version itself may be forgotten."""
        told(self, pinned)
        same_table(pinned.table, since, dataset=self._dataset)
        return _of_commits(self, pinned, _since(self, pinned, since.at))

    def between(self, pinned: Pinned, window: Window) -> Pinned:
        """By the time of each commit; rows that later commits have removed are among them."""
        told(self, pinned)
        return _of_commits(self, pinned, _within(self, pinned, window))


def _since(log: Log, pinned: Pinned, at: str) -> list[Version]:
    """The versions after the one that was delivered, the newest first."""
    versions: list[Version] = []
    if pinned.version == at:
        return versions
    for version in log.versions(pinned):
        versions.append(version)
        if version.parent == at:
            return versions
    raise FatalError(
        f"dataset {log._dataset}: the table's log does not lead from version {at} to version {pinned.version}: "
        "it was rolled back, or snapshots have expired",
        next_step=f"{START_AGAIN}. {_KEEP.format('snapshots and the log')}",
    )


def _within(log: Log, pinned: Pinned, window: Window) -> list[Version]:
    """The versions of these times, the newest first. All that are remembered are asked: times may go back."""
    versions = list(log.versions(pinned))
    if versions and versions[-1].parent != START and versions[-1].at > window.after:
        raise FatalError(
            f"dataset {log._dataset}: the log goes back to version {versions[-1].id} of {versions[-1].at}: what "
            f"was added from {window.after} on is not known any more (snapshots have expired)",
            next_step="ask for a later slice of time, or deliver everything: `sluice run EXPORT --mode full`",
        )
    return [version for version in versions if window.after < version.at <= window.until]


def _of_commits(log: Log, pinned: Pinned, versions: Sequence[Version]) -> Pinned:
    commits = [(version, log.commit(version)) for version in reversed(versions)]
    told(log, pinned, copied=any(commit.marks for _, commit in commits))
    return log.of_files(pinned, new_files(commits))


def entries_of(files: FileSet, names: Iterable[str], *, dataset: str) -> list[Entry]:
    """The files of new rows. Raises `FatalError` where one is gone: what was compacted is kept for a while only."""
    try:
        return files.entries(names)
    except FatalError as gone:
        raise FatalError(
            f"{gone.what}: it held rows that were added to {dataset} since the last delivery",
            next_step=f"{START_AGAIN}. {_KEEP.format('old files')}",
        ) from gone


def told(log: Log, pinned: Pinned, *, copied: bool = False) -> None:
    """Raises `FatalError` where the table's rows have to be copied, which does not say when each was added."""
    if pinned.spool or copied:
        raise FatalError(
            f"dataset {log._dataset}: rows were deleted from the table's files, or its columns renamed, so that it is "
            "read through a copy, which does not tell what is new",
            next_step="rewrite the table's files; or name a column: `incremental: {column: ...}`; or export it with "
            "`mode: full` or `mode: changes`",
        )
