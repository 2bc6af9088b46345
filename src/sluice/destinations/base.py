"""The seam between bytes and where they go: six verbs that every destination has."""

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
    """A file that is there: `name` relative to the connection's folder, `size` in bytes, the server's own checksum
    where it has one (an ETag, an MD5), in its own spelling."""

    name: str
    size: int
    checksum: str | None = None


@dataclass(frozen=True)
class Capabilities:
    """Where destinations differ, so that nobody has to know their types."""

    checksum: bool
    """`stat` gives the server's own checksum."""
    whole: bool = True
    """A file appears whole or not at all."""
    separate: bool = True
    """Two uploads of one name at the same moment do not disturb each other: one of the files stays, whole. Elsewhere
    one of them may fail, and their pieces may mix where they differ."""
    discards: bool = True
    """`abort` can discard unfinished uploads; elsewhere the server drops them by itself, and nobody sees them."""
    hides: bool = False
    """An unfinished upload is a hidden file beside its own: to discard it takes the right to remove files."""
    keeps: timedelta | None = None
    """How long files live there before the server removes them; None for ever."""


class Destination(Protocol):
    """An opened destination. Names are relative to the connection's folder, with `/` between folders.

    Safe to use from many threads. Raises `RetriableError` where trying again may help and `FatalError` where it
    cannot; both name the connection.
    """

    def put(self, name: str, body: Iterable[bytes]) -> Stored:
        """Stream `body` to `name`, replacing what is there. The file appears whole or not at all: when `body` or the
        server fails, nothing is left under `name` and no upload stays open."""
        ...

    def stat(self, name: str) -> Stored | None:
        """The file, or None."""
        ...

    def list(self, folder: str) -> Iterator[Stored]:
        """Every file below `folder`, sorted by name."""
        ...

    def read(self, name: str) -> Iterator[bytes]:
        """The bytes of a file, in pieces. Raises `FatalError` where it is not there."""
        ...

    def remove(self, names: Iterable[str]) -> None:
        """Remove these files; those already gone are no error. Never more than is named."""
        ...

    def abort(self, names: Iterable[str]) -> int:
        """Discard unfinished uploads of these names, whoever began them; their count."""
        ...

    def locate(self, name: str) -> str:
        """The full address of a file as a person writes it: `s3://bucket/folder/name`, a path."""
        ...

    def close(self) -> None:
        """Give back connections and threads."""
        ...


class DestinationConfig(Declared):
    """What every declared destination shares; each type's own settings stand beside its connector."""

    type: str
    airflow_conn_id: str
    """The Airflow connection that holds the address and the secrets."""
    folder: str = ""
    """The folder below which everything is delivered, with `/` between levels; empty for the top."""

    can: ClassVar[Capabilities]
    """What this type of destination can do."""
    allowed: ClassVar[str] = r"[^\x00-\x1f\x7f\\]"
    """What one character of a path may be at this destination, as a regular expression."""

    @field_validator("folder")
    @classmethod
    def _plain_folder(cls, folder: str) -> str:
        """Without slashes at its ends; `/` alone is the top. Refuses `.` and `..`, which servers read differently, and
        `~`, which is a word of shells."""
        folder = folder.strip("/")
        if (meant := without_home(folder)) is not None:
            raise ValueError(f"only a shell knows `~`: did you mean {meant!r}?")
        if folder and any(part in ("", ".", "..") for part in folder.split("/")):
            raise ValueError("write folders between single slashes, without `.` or `..`")
        return folder

    @property
    def stays(self) -> bool:
        """Whether a delivered file can be looked at again; False where the server moves files away at once."""
        return True

    def in_pieces_of(self, size: int) -> DestinationConfig:  # noqa: ARG002 - for those that have pieces
        """The same, sending a file of `size` bytes as it sends the largest: for a trial with a small one."""
        return self

    def open(self, connections: Connections, *, name: str, threads: int) -> Destination:
        """Open the destination; `name` is the declared connection's, for messages; at most `threads` uploads run at
        once."""
        raise NotImplementedError
