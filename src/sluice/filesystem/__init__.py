"""Files behind an Airflow connection, as one `pyarrow` filesystem and a root: for sources, staging and memberships."""

from __future__ import annotations

import re
import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
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
"""Seconds before its credentials end at which a filesystem is opened anew: longer than any one request."""


@dataclass(frozen=True)
class File:
    """A file that is there: `name` below the root it was listed from, `size` in bytes, and when it was last written:
    nanoseconds of UNIX time on a local disk, whole seconds elsewhere, since stores round listings differently."""

    name: str
    size: int
    modified: int

    @property
    def fingerprint(self) -> str:
        return f"{self.size} bytes, written at {self.modified}"


def join(root: str, path: str) -> str:
    """`path` below `root`, with `/` between levels. Raises `DefinitionError` where it would lead anywhere else."""
    levels = [level for level in path.split("/") if level != ""]
    if path.startswith("/") or "\\" in path or re.search(r"[\x00-\x1f\x7f]", path) or {".", ".."} & set(levels):
        raise DefinitionError(
            f"{path!r} is not a path below the connection's own folder",
            next_step="write it relative to that folder, with `/` between levels and without `.` and `..`",
        )
    return "/".join([root.rstrip("/"), *levels]) if root else "/".join(levels)


class Opened:
    """A folder of a filesystem. Safe to use from many threads.

    Names are relative to `root`. Every method raises `RetriableError` where the server is out of reach and
    `FatalError` where trying again changes nothing; both name the connection. A folder opened `read_only` (a source)
    refuses every write.
    """

    def __init__(self, access: Access, conn_id: str, path: str, *, read_only: bool) -> None:
        self.conn_id = conn_id
        self.read_only = read_only
        self._access = access
        self.path = path
        """The folder below the connection's own."""
        self.generation = 0
        """Counts up with every renewal: what was opened before has credentials that end."""
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
        """A folder in this one, opened in the same way."""
        return Opened(self._access, self.conn_id, join(self.path, folder), read_only=self.read_only)

    @property
    def filesystem(self) -> pa_fs.FileSystem:
        """The filesystem; a fresh one where the credentials of the last are about to end."""
        if self._expires_at is not None and time.time() > self._expires_at - _EARLY:
            self._open()
        return self._filesystem

    @property
    def local(self) -> bool:
        return bool(self._filesystem.type_name == "local")

    def at(self, name: str) -> str:
        """The path of `name` in the filesystem's own terms."""
        return join(self.root, name)

    def _inside(self, name: str) -> str:
        """The path of `name`. Raises `FatalError` where a link leads out of the connection's folder."""
        path = self.at(name)
        if self._bounded:
            self._bounded.check(path)
        return path

    def _beside(self, name: str) -> str:
        """The path of `name`, which may be a link itself: it is replaced or removed, and not followed."""
        path = self.at(name)
        if self._bounded:
            self._bounded.check(path.rpartition("/")[0])
        return path

    @contextmanager
    def reporting(self, doing: str) -> Iterator[None]:
        """Turn what the filesystem raises into our errors, naming the connection and what was being done."""
        try:
            yield
        except Exception as error:
            known = translated(error, self.conn_id, doing)
            if known is None:
                raise
            raise known from error

    def stat(self, name: str) -> File | None:
        """The file, or None. `name` may be empty: then the root itself is the file."""
        with self.reporting(f"looking for {name or self.root}"):
            info = self.filesystem.get_file_info(self._inside(name))
        return self._file(info) if info.is_file else None

    def exists(self, name: str) -> bool:
        return self.stat(name) is not None

    def is_folder(self, name: str) -> bool:
        with self.reporting(f"looking for {name or self.root}"):
            return bool(self.filesystem.get_file_info(self._inside(name)).type.name == "Directory")

    def list(self, folder: str = "", left_out: LeftOut = lambda _: False) -> list[File]:
        """Every file below `folder` that is not left out, sorted by name; none where there is no such folder. Links are
        followed: what they lead to is listed once, under its own name if that is below `folder` too. Raises
        `FatalError` where one leads out of the connection's folder, back up, or to nothing."""
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
        """Raise `FatalError` where a link below `folder` leads out of the connection's folder, back up, or to nothing:
        for what a library reads there by itself."""
        if self._bounded:
            with self.reporting(f"listing {folder or self.root}"):
                files_below(self.at(folder), self._bounded, lambda _: False)

    def below_root(self, path: str) -> str | None:
        """The name below the root of a path in the filesystem's own terms, links followed or not; None where it lies
        elsewhere."""
        for root in (self.root, self._bounded.check(self.root) if self._bounded else self.root):
            if path.startswith(root.rstrip("/") + "/" * bool(root)):
                return path.removeprefix(root).lstrip("/")
        return None

    def find_bytes(self, name: str) -> bytes | None:
        """The whole file, or None where there is none."""
        return self.read_bytes(name) if self.exists(name) else None

    def read_bytes(self, name: str) -> bytes:
        """The whole file. Raises `FatalError` where it is not there."""
        with self.reporting(f"reading {name}"), self.filesystem.open_input_stream(self._inside(name)) as stream:
            return bytes(stream.read())

    def open_input(self, name: str) -> pa.NativeFile:
        """The file for reading anywhere in it. Raises `FatalError` where it is not there."""
        with self.reporting(f"opening {name}"):
            return self.filesystem.open_input_file(self._inside(name))

    def write_bytes(self, name: str, body: bytes) -> None:
        """Write the file whole or not at all, replacing what is there: a reader sees the old bytes or the new ones."""
        with self.open_output(name) as stream:
            stream.write(body)

    def create(self, name: str, body: bytes) -> bool:
        """Write the file whole, and only if it is absent: of several processes that try, exactly one gets True. On a
        disk the file's folder comes with it, so nothing else may lie there.

        Raises `FatalError` if this filesystem cannot promise that. After a `RetriableError` it may be there."""
        self._must_write(name)
        with self.reporting(f"creating {name}"):
            _ = self.filesystem  # renews the credentials if they are about to end
            return self._create(self._new(name), body)

    @contextmanager
    def open_output(self, name: str) -> Iterator[pa.NativeFile]:
        """A stream to a new file that takes its place, and its name, when the block ends without an error."""
        self._must_write(name)
        with self.reporting(f"writing {name}"), writing(self.filesystem, self._new(name)) as stream:
            yield stream

    def remove(self, names: Iterable[str]) -> None:
        """Remove these files; those already gone are no error."""
        for name in names:
            self._must_write(name)
            with self.reporting(f"removing {name}"):
                self._remove(self._beside(name))

    def remove_tree(self, folder: str) -> None:
        """Remove a folder of Sluice's own and all that is in it; one already gone is no error. Never the root."""
        self._must_write(folder)
        if not folder.strip("/"):
            raise FatalError(f"connection {self.conn_id}: the whole of {self.root} is never removed at once")
        if self._delete is not None:
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
            raise FatalError(f"connection {self.conn_id}: {self.root} is only read, so {name} is left as it is")

    def _new(self, name: str) -> str:
        """The path of a file that is to be written: on a disk, in a folder that is nobody else's."""
        path = self._beside(name)
        if self.local and not self._private:
            make_private(self.root)
            self._private = True
        return path

    def _file(self, info: pa_fs.FileInfo) -> File:
        name = info.path.strip("/").removeprefix(self.root.strip("/")).lstrip("/")
        written = info.mtime_ns or 0
        return File(name, info.size, written if self.local else written // 1_000_000_000)


def open_filesystem(connections: Connections, conn_id: str, path: str, *, read_only: bool = False) -> Opened:
    """Open the folder or file `path` of a connection: below its own folder, or on S3, GCS and Azure with the bucket
    or container as the first level. Only Sluice's own staging is opened for writing. Raises `DefinitionError` for a
    path that begins with a shell's `~`."""
    if (meant := without_home(path)) is not None:
        raise DefinitionError(
            f"connection {conn_id}: only a shell knows `~`: {path!r} would be a folder of that name",
            nearest=repr(meant),
            next_step="write the path below the connection's own folder",
        )
    return Opened(connections.get(conn_id), conn_id, path, read_only=read_only)
