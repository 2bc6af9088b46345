"""Files behind an Airflow connection, as a `pyarrow` filesystem with a root folder: for sources, staging and
memberships."""

from __future__ import annotations

import re
import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

from sluice.errors import DefinitionError, FatalError
from sluice.filesystem.failures import translated
from sluice.filesystem.links import Bounded
from sluice.filesystem.walk import LeftOut, files_below
from sluice.filesystem.writing import make_private, remove, writing
from sluice.model.access import Access, Connections
from sluice.model.declared import without_home

if TYPE_CHECKING:
    import pyarrow as pa
    from pyarrow import fs as pa_fs

_EARLY = 300
"""A filesystem is reopened this many seconds before its credentials expire: longer than any single request takes."""


@dataclass(frozen=True)
class File:
    """An existing file: its `name` relative to the root it was listed from, its `size` in bytes, and its modification
    time. The time is in nanoseconds of UNIX time on a local disk, and in whole seconds elsewhere because stores round
    it differently in listings."""

    name: str
    size: int
    modified: int

    @property
    def fingerprint(self) -> str:
        return f"{self.size} bytes, written at {self.modified}"


def join(root: str, path: str) -> str:
    """`path` below `root`, with `/` as separator. Raises `DefinitionError` if it would leave `root`."""
    levels = [level for level in path.split("/") if level != ""]
    if path.startswith("/") or "\\" in path or re.search(r"[\x00-\x1f\x7f]", path) or {".", ".."} & set(levels):
        raise DefinitionError(
            f"{path!r} is not a path below the connection's folder",
            next_step="write it relative to that folder, with `/` as separator and without `.` and `..`",
        )
    return "/".join([root.rstrip("/"), *levels]) if root else "/".join(levels)


class Opened:
    """A folder of a filesystem. Safe to use from many threads.

    Names are relative to `root`. Every method raises `RetriableError` if the server is unreachable, and `FatalError` if
    a retry would not help. Both name the connection. A folder opened `read_only` (a source) refuses all writes.
    """

    def __init__(self, access: Access, conn_id: str, path: str, *, read_only: bool) -> None:
        self.conn_id = conn_id
        self.read_only = read_only
        self._access = access
        self.path = path
        """The folder, relative to the connection's folder."""
        self.generation = 0
        """Increases with every renewal of credentials. Files opened under an older generation soon stop working."""
        self._open()

    def _open(self) -> None:
        from sluice.filesystem.access import open_access

        with self.reporting("opening the connection"):
            opening = open_access(self._access, self.conn_id)
        self._filesystem, self._expires_at = opening.filesystem, opening.expires_at
        self._delete, self._create = opening.delete, opening.create
        self.generation += 1
        self._private = False
        self.root = join(opening.base, self.path)
        if self.root:
            with self.reporting("opening the connection"):
                opening.greet(self.root.split("/")[0], self.conn_id)
        self._bounded = Bounded(opening.links, opening.base, self.conn_id) if opening.links else None

    def below(self, folder: str) -> Opened:
        """A folder below this one, opened in the same way."""
        return Opened(self._access, self.conn_id, join(self.path, folder), read_only=self.read_only)

    @property
    def filesystem(self) -> pa_fs.FileSystem:
        """The filesystem, reopened if its credentials are about to expire."""
        if self._expires_at is not None and time.time() > self._expires_at - _EARLY:
            self._open()
        return self._filesystem

    @property
    def local(self) -> bool:
        return bool(self._filesystem.type_name == "local")

    def written_at(self, file: File) -> datetime:
        """When a listed file was written, by the store's clock, in UTC."""
        micros = file.modified // 1000 if self.local else file.modified * 1_000_000
        return datetime(1970, 1, 1, tzinfo=UTC) + timedelta(microseconds=micros)

    def at(self, name: str) -> str:
        """The path of `name` in the underlying filesystem."""
        return join(self.root, name)

    def _inside(self, name: str) -> str:
        """The path of `name`. Raises `FatalError` if a link leads out of the connection's folder."""
        path = self.at(name)
        if self._bounded:
            self._bounded.check(path)
        return path

    def _itself(self, name: str) -> str:
        """The path of `name` for replacing or removing it. If `name` is a link, the link itself is used."""
        path = self.at(name)
        if self._bounded:
            self._bounded.check(path.rpartition("/")[0])
        return path

    @contextmanager
    def reporting(self, doing: str) -> Iterator[None]:
        """Translate the filesystem's errors. The translated errors name the connection and the action."""
        try:
            yield
        except Exception as error:
            known = translated(error, self.conn_id, doing)
            if known is None:
                raise
            raise known from error

    def stat(self, name: str) -> File | None:
        """The file, or None if it does not exist. An empty `name` refers to the root itself."""
        with self.reporting(f"looking for {name or self.root}"):
            info = self.filesystem.get_file_info(self._inside(name))
        return self._file(info) if info.is_file else None

    def exists(self, name: str) -> bool:
        return self.stat(name) is not None

    def is_folder(self, name: str) -> bool:
        with self.reporting(f"looking for {name or self.root}"):
            return bool(self.filesystem.get_file_info(self._inside(name)).type.name == "Directory")

    def list(self, folder: str = "", left_out: LeftOut = lambda _: False) -> list[File]:
        """All files below `folder` that are not left out, sorted by name. Empty if the folder does not exist. Links are
        followed, and their targets are listed once, under their own name if that is also below `folder`. Raises
        `FatalError` if a link leads out of the connection's folder, back up, or to nothing."""
        with self.reporting(f"listing {folder or self.root}"):
            files = self._listed(folder) if self._bounded is None else self._walked(folder, left_out, self._bounded)
            return sorted((file for file in files if not left_out(file.name)), key=lambda file: file.name)

    def _listed(self, folder: str) -> Iterator[File]:
        from pyarrow import fs as pa_fs

        selector = pa_fs.FileSelector(self.at(folder), recursive=True, allow_not_found=True)
        return (self._file(info) for info in self.filesystem.get_file_info(selector) if info.is_file)

    def _walked(self, folder: str, left_out: LeftOut, bounded: Bounded) -> Iterator[File]:
        inside = join("", folder) + "/" if folder.strip("/") else ""
        found = files_below(self.at(folder), bounded, lambda name: left_out(inside + name))
        return (File(inside + item.name, item.size, item.modified) for item in found)

    def check_links(self, folder: str = "") -> None:
        """Raise `FatalError` if a link below `folder` leads out of the connection's folder, back up, or to nothing. For
        folders that a library reads on its own."""
        if self._bounded:
            with self.reporting(f"listing {folder or self.root}"):
                files_below(self.at(folder), self._bounded, lambda _: False)

    def below_root(self, path: str) -> str | None:
        """The name, relative to the root, of a path in the underlying filesystem. The root's links may be resolved in
        the path or not. None if the path is elsewhere."""
        for root in (self.root, self._bounded.check(self.root) if self._bounded else self.root):
            if path.startswith(root.rstrip("/") + "/" * bool(root)):
                return path.removeprefix(root).lstrip("/")
        return None

    def find_bytes(self, name: str) -> bytes | None:
        """The contents of the file, or None if it does not exist."""
        # Without a look before: on a store, that would be another request for every value of a run.
        with self.reporting(f"reading {name}"):
            try:
                return self._bytes(name)
            except FileNotFoundError:
                return None
            except OSError:
                if self.exists(name):
                    raise
                return None  # a folder has this name, or a file that of a folder above

    def read_bytes(self, name: str) -> bytes:
        """The contents of the file. Raises `FatalError` if it does not exist."""
        with self.reporting(f"reading {name}"):
            return self._bytes(name)

    def _bytes(self, name: str) -> bytes:
        with self.filesystem.open_input_stream(self._inside(name)) as stream:
            return bytes(stream.read())

    def open_input(self, name: str) -> pa.NativeFile:
        """The file, opened for random access. Raises `FatalError` if it does not exist."""
        with self.reporting(f"opening {name}"):
            return self.filesystem.open_input_file(self._inside(name))

    def write_bytes(self, name: str, body: bytes) -> None:
        """Write the file atomically, replacing an existing one: a reader sees either the old bytes or the new ones."""
        with self.open_output(name) as stream:
            stream.write(body)

    def create(self, name: str, body: bytes) -> bool:
        """Create the file atomically if it does not exist. Of several processes that try, exactly one gets True. On a
        disk and over SFTP, the file's folder is created with it, so the folder must hold nothing else.

        Raises `FatalError` if the filesystem cannot guarantee this. After a `RetriableError`, the file may or may not
        exist."""
        self._must_write(name)
        with self.reporting(f"creating {name}"):
            _ = self.filesystem  # renews the credentials if they are about to end
            return self._create(self._new(name), body)

    @contextmanager
    def open_output(self, name: str) -> Iterator[pa.NativeFile]:
        """A stream to a new file. It appears under its name, whole, when the block ends without an error."""
        self._must_write(name)
        with self.reporting(f"writing {name}"), writing(self.filesystem, self._new(name)) as stream:
            yield stream

    def remove(self, names: Iterable[str]) -> None:
        """Remove these files. A missing file is not an error."""
        for name in names:
            self._must_write(name)
            with self.reporting(f"removing {name}"):
                self._remove(self._itself(name))

    def remove_tree(self, folder: str) -> None:
        """Remove one of Sluice's own folders with its contents. A missing folder is not an error. Never the root."""
        self._must_write(folder)
        if not folder.strip("/"):
            raise FatalError(f"connection {self.conn_id}: Sluice never removes the whole folder {self.root}")
        if self._delete is not None:  # an object store: a folder exists only through its files
            self.remove(file.name for file in self.list(folder))
            return
        with self.reporting(f"removing {folder}"):
            path = self._inside(folder)
            self.filesystem.delete_dir_contents(path, missing_dir_ok=True)
            if self.filesystem.get_file_info(path).type.name == "Directory":
                self.filesystem.delete_dir(path)

    def _remove(self, path: str) -> None:
        filesystem = self.filesystem
        if self._delete is not None:
            self._delete(path)
        else:
            remove(filesystem, path)

    def _must_write(self, name: str) -> None:
        if self.read_only:
            raise FatalError(f"connection {self.conn_id}: {self.root} is read-only, so {name} is not changed")

    def _new(self, name: str) -> str:
        """The path of a file to write. On a disk, makes the root folder private first."""
        path = self._itself(name)
        if self.local and not self._private:
            make_private(self.root)
            self._private = True
        return path

    def _file(self, info: pa_fs.FileInfo) -> File:
        name = info.path.strip("/").removeprefix(self.root.strip("/")).lstrip("/")
        written = info.mtime_ns or 0
        return File(name, info.size, written if self.local else written // 1_000_000_000)


def open_filesystem(connections: Connections, conn_id: str, path: str, *, read_only: bool = False) -> Opened:
    """Open the folder or file `path` of a connection. The path is relative to the connection's folder; on S3, GCS and
    Azure, it starts with the bucket or container. Only Sluice's own staging is opened for writing. Raises
    `DefinitionError` for a path that starts with `~`."""
    if (relative := without_home(path)) is not None:
        raise DefinitionError(
            f"connection {conn_id}: `~` is not expanded: {path!r} would be a folder of that name",
            nearest=repr(relative),
            next_step="write the path relative to the connection's folder",
        )
    return Opened(connections.get(conn_id), conn_id, path, read_only=read_only)
