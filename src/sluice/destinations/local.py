"""A folder of the local filesystem, network mounts included."""

from __future__ import annotations

import errno
import os
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import ClassVar, Literal

from pydantic import Field

from sluice.destinations.base import Capabilities, Destination, Stored
from sluice.destinations.body import Body
from sluice.destinations.failures import Origin, of_disk
from sluice.destinations.names import below, by_folder, final, folder_below, join, unfinished
from sluice.destinations.readback import ReadBackConfig
from sluice.errors import DefinitionError
from sluice.model.access import Connections, FolderAccess

PIECE = 1 << 20


class Local(ReadBackConfig):
    """A local folder. The Airflow connection is of type `fs` and holds the folder in its extra `path`."""

    type: Literal["local"]
    mode: str | None = Field(default=None, pattern=r"^0?[0-7]{3}$")
    """The permissions of the files, as for `chmod`, in quotes: `"0640"`. New folders are open to the same users.
    Default: set by the umask of the process that writes them."""

    can: ClassVar[Capabilities] = Capabilities(checksum=False, hides=True)

    def open(self, connections: Connections, *, name: str, threads: int) -> Destination:  # noqa: ARG002 (no pool)
        access = connections.get(self.airflow_conn_id)
        if not isinstance(access, FolderAccess):
            raise DefinitionError(
                f"connection {name}: the Airflow connection {self.airflow_conn_id} is not of type fs",
                next_step="name a connection of type fs, whose extra `path` is the folder",
            )
        root = access.path / self.folder.strip("/")
        origin = Origin(name, self.airflow_conn_id, str(root))
        _refuse_link_out(root, access.path, origin)
        return self.checked(LocalFolder(root, origin, mode=int(self.mode, 8) if self.mode else None), origin)


class LocalFolder:
    """Files appear whole: each is written under a hidden name in its folder, synced to disk, then renamed. Links that
    lead out of the folder are never followed, neither for writing nor for reading, and a listing leaves links out."""

    def __init__(self, root: Path, origin: Origin, *, mode: int | None = None) -> None:
        self._root = root
        self._origin = origin
        self._mode = mode

    def put(self, name: str, body: Iterable[bytes]) -> Stored:
        path = self._beside(name)
        sent = Body(body)
        with self._guard(f"write {path}"):
            self._make_folder(path.parent)
            partial = path.with_name(unfinished(path.name))
            file = partial.open("xb")
            if self._mode is not None:
                os.fchmod(file.fileno(), self._mode)
        try:
            with file:
                self._write(file.fileno(), sent, path)
            with self._guard(f"write {path}"):
                partial.replace(path)
                _sync_folder(path.parent)
        except BaseException:
            with suppress(OSError):
                partial.unlink()
            raise
        return Stored(name, sent.size)

    def stat(self, name: str) -> Stored | None:
        path = self._inside(name)
        with self._guard(f"check {path}"):
            try:
                return Stored(name, path.stat().st_size) if path.is_file() else None
            except FileNotFoundError:
                return None

    def list(self, folder: str) -> Iterator[Stored]:
        inside = folder_below("", folder, self._origin)
        top = self._inside(inside) if inside else self._root
        with self._guard(f"list {top}"):
            found = sorted(self._walk(top, folder.strip("/")), key=lambda stored: stored.name)
        yield from found

    def read(self, name: str) -> Iterator[bytes]:
        path = self._inside(name)
        with self._guard(f"read {path}"):
            try:
                file = path.open("rb")
            except FileNotFoundError:
                raise self._origin.fatal(f"{path} does not exist") from None
        with file:
            while piece := self._read(file.fileno(), path):
                yield piece

    def remove(self, names: Iterable[str]) -> None:
        for name in names:
            path = self._beside(name)
            with self._guard(f"remove {path}"):
                path.unlink(missing_ok=True)

    def abort(self, names: Iterable[str]) -> int:
        """Unfinished files lie next to their final names; a process that is still writing one finds it gone and
        fails."""
        aborted = 0
        for folder, files in by_folder([below("", name, self._origin) for name in names]).items():
            top = self._inside(folder) if folder else self._root
            with self._guard(f"clear {top}"):
                for partial in _partials(top, files):
                    partial.unlink(missing_ok=True)
                    aborted += 1
        return aborted

    def locate(self, name: str) -> str:
        return str(self._path(name))

    def close(self) -> None:
        """Nothing to release."""

    def _path(self, name: str) -> Path:
        return self._root / below("", name, self._origin)

    def _inside(self, name: str) -> Path:
        """The file's path. Raises `FatalError` if a link leads out of the folder."""
        path = self._path(name)
        _refuse_link_out(path, self._root, self._origin)
        return path

    def _beside(self, name: str) -> Path:
        """The path of a file to replace or remove. If it is a link, the link itself is replaced or removed."""
        path = self._path(name)
        _refuse_link_out(path.parent, self._root, self._origin)
        return path

    def _make_folder(self, folder: Path) -> None:
        """Make the folder with its parents; users who may read files there may also enter it."""
        if folder.is_dir():
            return
        self._make_folder(folder.parent)
        with suppress(FileExistsError):
            folder.mkdir()
            if self._mode is not None:
                folder.chmod(self._mode | (self._mode & 0o444) >> 2 | 0o300)
        if not folder.is_dir():
            raise NotADirectoryError(errno.ENOTDIR, "a file", str(folder))

    def _write(self, descriptor: int, body: Body, path: Path) -> None:
        for piece in body:
            with self._guard(f"write {path}"):
                rest = memoryview(piece)
                while rest:
                    rest = rest[os.write(descriptor, rest) :]
        with self._guard(f"write {path}"):
            os.fsync(descriptor)

    def _read(self, descriptor: int, path: Path) -> bytes:
        with self._guard(f"read {path}"):
            return os.read(descriptor, PIECE)

    def _walk(self, top: Path, folder: str) -> Iterator[Stored]:
        if not top.is_dir():
            return
        for entry in os.scandir(top):
            name = join(folder, entry.name)
            if entry.is_dir(follow_symlinks=False):
                yield from self._walk(Path(entry.path), name)
            elif entry.is_file(follow_symlinks=False) and final(entry.name) is None:
                with suppress(FileNotFoundError):  # removed while the folder is being listed
                    yield Stored(name, entry.stat().st_size)

    @contextmanager
    def _guard(self, act: str) -> Iterator[None]:
        try:
            yield
        except OSError as error:
            raise of_disk(error, self._origin, act) from error


def _refuse_link_out(path: Path, bound: Path, origin: Origin) -> None:
    real, within = Path(os.path.realpath(path)), Path(os.path.realpath(bound))
    if not real.is_relative_to(within):
        raise origin.fatal(
            f"{path} leads to {real} through a link, outside {within}",
            "remove the link, or set the Airflow connection's `path` to the folder that it leads to",
        )


def _partials(folder: Path, files: set[str]) -> list[Path]:
    """The unfinished files in `folder` that will become `files`."""
    if not folder.is_dir():
        return []
    return [Path(entry.path) for entry in os.scandir(folder) if final(entry.name) in files]


def _sync_folder(folder: Path) -> None:
    """Makes the rename survive a power cut, if the filesystem can sync folders."""
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        with suppress(OSError):
            os.fsync(descriptor)
    finally:
        os.close(descriptor)
