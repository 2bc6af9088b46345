"""The journal of runs in staging: immutable records, `index/new/<day>-<digest>.json`, and days that are over, packed in
Parquet files, `index/days/<day>.<number>/runs.parquet`.

A record's name is its digest, so appending the same record again changes nothing, and any number of workers may append.
The files of a day are numbered, and each is created exactly once: no record is in two of them.
"""

from __future__ import annotations

import logging
import re
from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, NamedTuple, Protocol

from sluice.definition.models.project import Staging
from sluice.errors import FatalError
from sluice.filesystem import File, open_filesystem
from sluice.model.access import Connections
from sluice.runs import parquet
from sluice.runs.record import Record

if TYPE_CHECKING:
    import pyarrow as pa

log = logging.getLogger(__name__)
THREADS = 16
"""Records that are read or removed in parallel: they are small, and a store answers slowly."""
_NEW = re.compile(r"new/((\d{4}-\d\d-\d\d)-[0-9a-f]{32})\.json")
_DAY = re.compile(r"days/((\d{4}-\d\d-\d\d)\.([1-9]\d*))/runs\.parquet")
_TURN = re.compile(r"(turns/\d{4}-\d\d-\d\d)/turn")


class Folder(Protocol):
    """What the journal needs of a filesystem: a part of `Opened`."""

    def list(self, folder: str = "", left_out: Callable[[str], bool] = ...) -> Sequence[File]: ...
    def create(self, name: str, body: bytes) -> bool: ...
    def write_bytes(self, name: str, body: bytes) -> None: ...
    def find_bytes(self, name: str) -> bytes | None: ...
    def exists(self, name: str) -> bool: ...
    def remove(self, names: Iterable[str]) -> None: ...
    def remove_tree(self, folder: str) -> None: ...


class DayFile(NamedTuple):
    """One packed file of a day that is over."""

    day: str
    number: int

    def __str__(self) -> str:
        return f"{self.day}.{self.number}"

    @property
    def path(self) -> str:
        return f"days/{self}/runs.parquet"


class Days(NamedTuple):
    """The packed files that a reader does not know yet, and the names of those that it knows and that still exist."""

    unread: list[DayFile]
    present: set[str]


class Journal:
    """The journal in one folder of staging. `folder` is replaced in tests."""

    def __init__(self, folder: Folder) -> None:
        self._folder = folder

    @classmethod
    def of(cls, staging: Staging, connections: Connections) -> Journal:
        return cls(open_filesystem(connections, staging.airflow_conn_id, f"{staging.path}/index".lstrip("/")))

    def append(self, record: Record) -> None:
        """Add a record. Adding the same record again changes nothing."""
        self._folder.write_bytes(_file(record.id), record.text.encode())

    def new(self) -> list[str]:
        """The ids of the records that are not packed yet, or not yet removed after that; by day."""
        return [found[1] for file in self._folder.list("new") if (found := _NEW.fullmatch(file.name))]

    def days(self, known: Collection[str] = ()) -> Days:
        """The packed files. The folders of known ones are not listed again, on stores that have folders."""
        present = set()

        def is_known(folder: str) -> bool:
            if folder in known:
                present.add(folder)
            return folder in known

        return Days(self._packed(is_known), present)

    def files_of(self, day: str) -> list[DayFile]:
        """The packed files of one day, by number."""
        return self._packed(lambda folder: not folder.startswith(f"{day}."))

    def _packed(self, skip: Callable[[str], bool]) -> list[DayFile]:
        files = self._folder.list("days", lambda name: skip(name.split("/")[1]))
        found = (_DAY.fullmatch(file.name) for file in files)
        return sorted(DayFile(one[2], int(one[3])) for one in found if one)

    def read(self, ids: Iterable[str]) -> Iterator[tuple[str, Record | None]]:
        """These records. None for one that no longer exists: it has been packed. Leaves out records that cannot be
        read, with a warning."""
        with ThreadPoolExecutor(THREADS) as threads:
            for name, body in threads.map(lambda name: (name, self._folder.find_bytes(_file(name))), ids):
                try:
                    yield name, None if body is None else Record.model_validate_json(body)
                except ValueError:
                    log.warning("the record %s of the index of runs cannot be read, and is left out", _file(name))

    def read_day(self, file: DayFile) -> pa.Table | None:
        """The records of a packed file, with the columns of `parquet.schema()`. None, with a warning, if it cannot be
        read."""
        body = self._folder.find_bytes(file.path)
        try:
            return None if body is None else parquet.read(body)
        except ValueError as corrupt:
            log.warning(
                "%s of the index of runs cannot be read, and is left out: %s", file.path, type(corrupt).__name__
            )
            return None

    def ids_of(self, file: DayFile) -> set[str]:
        """The ids of the records in a packed file. Raises `FatalError` if it cannot be read."""
        table = self.read_day(file)
        if table is None:
            raise FatalError(
                f"{file.path} of the index of runs cannot be read",
                next_step="remove its folder from staging, then run `sluice runs --rebuild`",
            )
        return set(table["id"].to_pylist())

    def pack(self, file: DayFile, records: Sequence[Record]) -> bool:
        """Create a packed file. False if another process has created it."""
        return self._folder.create(file.path, parquet.write(records))

    def remove(self, ids: Iterable[str]) -> None:
        """Remove records that are packed."""
        with ThreadPoolExecutor(THREADS) as threads:
            for _ in threads.map(lambda name: self._folder.remove([_file(name)]), ids):
                pass

    def take_turn(self, day: str) -> bool:
        """Whether the calling process is the first one today that asks."""
        own = f"turns/{day}"
        if self._folder.exists(f"{own}/turn") or not self._folder.create(f"{own}/turn", b""):
            return False
        # Only whole turns of other days: a process that is creating one has a folder of its own for a moment.
        turns = {found[1] for file in self._folder.list("turns") if (found := _TURN.fullmatch(file.name))}
        for turn in sorted(turns - {own}):
            self._folder.remove_tree(turn)
        return True


def day_of(record: str) -> str:
    """The day of a record's id, such as 2026-11-26."""
    return record[:10]


def _file(record: str) -> str:
    return f"new/{record}.json"
