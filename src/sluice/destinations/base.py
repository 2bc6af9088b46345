"""The interface of a destination: the verbs that each of them implements."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import timedelta
from typing import ClassVar, Protocol

from pydantic import field_validator

from sluice.model.access import Connections
from sluice.model.declared import Declared, without_home


@dataclass(frozen=True)
class Stored:
    """A file at the destination: `name` relative to the connection's folder, `size` in bytes, and the server's own
    checksum as it spells it (an ETag, an MD5), or None."""

    name: str
    size: int
    checksum: str | None = None


@dataclass(frozen=True)
class Capabilities:
    """How destinations differ, so that callers need not know their types."""

    checksum: bool
    """`stat` returns the server's own checksum."""
    whole: bool = True
    """A file appears whole or not at all."""
    separate: bool = True
    """Two concurrent uploads of one name do not disturb each other: one of the files remains, whole. If False, one of
    them may fail, and their pieces may mix if they differ."""
    discards: bool = True
    """`abort` can discard unfinished uploads. If False, they are invisible and the server drops them by itself."""
    hides: bool = False
    """An unfinished upload is a hidden file next to the final one: discarding it requires the right to remove files."""
    keeps: timedelta | None = None
    """How long the server keeps files before it removes them; None if it keeps them for good."""


class Destination(Protocol):
    """An opened destination. Names are relative to the connection's folder, with `/` between folders.

    Thread-safe. Raises `RetriableError` if a retry may help and `FatalError` if it cannot; both name the
    connection.
    """

    def put(self, name: str, body: Iterable[bytes]) -> Stored:
        """Stream `body` to `name`, replacing an existing file. The file appears whole or not at all: if `body` or the
        server fails, nothing is left under `name` and no upload stays open."""
        ...

    def stat(self, name: str) -> Stored | None:
        """The file, or None if it does not exist."""
        ...

    def list(self, folder: str) -> Iterator[Stored]:
        """Every file below `folder`, sorted by name."""
        ...

    def read(self, name: str) -> Iterator[bytes]:
        """The bytes of a file, in pieces. Raises `FatalError` if it does not exist."""
        ...

    def remove(self, names: Iterable[str]) -> None:
        """Remove these files and no others. A file that does not exist is not an error. Nothing is being removed any
        more when it returns or raises."""
        ...

    def abort(self, names: Iterable[str]) -> int:
        """Discard unfinished uploads of these names, of any process. Returns their number."""
        ...

    def locate(self, name: str) -> str:
        """The full address of a file, for people: `s3://bucket/folder/name`, or a path."""
        ...

    def close(self) -> None:
        """Release connections and threads."""
        ...


class DestinationConfig(Declared):
    """The keys that every destination has; each type adds its own."""

    type: str
    airflow_conn_id: str
    """The Airflow connection that holds the address and the credentials."""
    folder: str = ""
    """The folder below which everything is delivered, with `/` between levels. Default: the top."""

    can: ClassVar[Capabilities]
    """What this type of destination can do."""
    allowed: ClassVar[str] = r"[^\x00-\x1f\x7f\\]"
    """The characters that a path may contain at this destination: a regular expression for one character."""

    @field_validator("folder")
    @classmethod
    def _plain_folder(cls, folder: str) -> str:
        """The folder without slashes at its ends; `/` alone is the top. Raises `ValueError` for `.` and `..`, which
        servers read differently, and for `~`, which only shells expand."""
        folder = folder.strip("/")
        if (meant := without_home(folder)) is not None:
            raise ValueError(f"`~` works only in a shell: did you mean {meant!r}?")
        if folder and any(part in ("", ".", "..") for part in folder.split("/")):
            raise ValueError("separate folders with single slashes, without `.` or `..`")
        return folder

    @property
    def stays(self) -> bool:
        """Whether a delivered file can be checked again; False if the server moves files away immediately."""
        return True

    def in_pieces_of(self, size: int) -> DestinationConfig:  # noqa: ARG002 - for those that have pieces
        """The same destination with pieces of `size` bytes, so that a small test file is sent the way a large one
        is."""
        return self

    def open(self, connections: Connections, *, name: str, threads: int) -> Destination:
        """Open the destination for at most `threads` concurrent uploads. `name` is that of the declared connection, for
        messages."""
        raise NotImplementedError
