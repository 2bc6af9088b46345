"""The commits of a table format's log: which files hold what was added by them, each row once."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import NamedTuple, Protocol

from sluice.errors import FatalError
from sluice.model.run import Window
from sluice.sources.base import Pinned
from sluice.sources.file_set import Entry, FileSet
from sluice.sources.position import Position


class Version(NamedTuple):
    """One entry of a table's log."""

    id: str
    """The snapshot's id, or the version's number."""
    at: datetime


START = Version("", datetime.min.replace(tzinfo=UTC))
"""Before the table's first version."""


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
        """The versions that led to what is pinned, the newest first, as far back as the table remembers; and `START`,
        if that is to its beginning."""
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
        return Position(by="snapshots", at=pinned.version)

    def added(self, pinned: Pinned, since: Position) -> Pinned:
        """What was added since. Raises `FatalError` where the table no longer remembers."""
        return _between(self, pinned, lambda version: version.id == since.at, f"version {since.at}")

    def between(self, pinned: Pinned, window: Window) -> Pinned:
        """By the time of each commit; rows that later commits have removed are among them."""
        return _between(self, pinned, lambda version: version.at <= window.after, str(window.after), window.until)


def _between(
    log: Log, pinned: Pinned, is_before: Callable[[Version], bool], start: str, until: datetime | None = None
) -> Pinned:
    told(log, pinned)
    versions: list[Version] = []
    for version in log.versions(pinned):
        if is_before(version):
            break
        versions.append(version)
    else:
        raise FatalError(
            f"dataset {log._dataset}: the table's log does not lead from {start} to version {pinned.version}: it was "
            "rolled back, or snapshots have expired",
            next_step="deliver everything once, with the mode `full`; keep snapshots for longer than the longest pause "
            "between two deliveries",
        )
    within = [one for one in reversed(versions) if until is None or one.at <= until]
    commits = [(one, log.commit(one)) for one in within if one.at != START.at]
    told(log, pinned, copied=any(commit.marks for _, commit in commits))
    return log.of_files(pinned, new_files(commits))


def entries_of(files: FileSet, names: Iterable[str], *, dataset: str) -> list[Entry]:
    """The files of new rows. Raises `FatalError` where one is gone: what was compacted is kept for a while only."""
    try:
        return files.entries(names)
    except FatalError as gone:
        raise FatalError(
            f"{gone.what}: it held rows that were added to {dataset} since the last delivery",
            next_step="deliver everything once, with the mode `full`; let old files live longer than the longest pause "
            "between two deliveries",
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
