"""Writes a file so that it appears under its name whole or not at all. Each kind of filesystem has its own way."""

from __future__ import annotations

import os
import tempfile
import uuid
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import pyarrow as pa
    from pyarrow import fs as pa_fs

_IN_MEMORY = 16 * 2**20
_PIECE = 8 * 2**20


def make_private(folder: str) -> None:
    """Create one of Sluice's own folders on a disk with access for its owner only: it will hold customers' rows."""
    made = Path(folder)
    made.mkdir(mode=0o700, parents=True, exist_ok=True)
    if made.stat().st_uid == os.geteuid() and made.stat().st_mode & 0o077:
        made.chmod(0o700)


def writing(filesystem: pa_fs.FileSystem, path: str) -> AbstractContextManager[pa.NativeFile]:
    """A stream to a new file, which appears at `path`, whole, when the block ends without an error."""
    if filesystem.type_name in ("s3", "gcs"):
        return _uploaded(filesystem, path)
    if filesystem.type_name == "py::abfs":
        return _copied(filesystem, path)
    return _renamed(filesystem, path)


@contextmanager
def _uploaded(filesystem: pa_fs.FileSystem, path: str) -> Iterator[pa.NativeFile]:
    """For stores that show an object when its upload is complete. Closing the stream completes the upload, even after
    an error. So the upload starts only after the block has written everything to a spool without an error."""
    import pyarrow as pa

    with tempfile.SpooledTemporaryFile(_IN_MEMORY) as spool:
        yield pa.PythonFile(spool, "w")
        spool.seek(0)
        with filesystem.open_output_stream(path) as stream:
            while piece := spool.read(_PIECE):
                stream.write(piece)


@contextmanager
def _copied(filesystem: pa_fs.FileSystem, path: str) -> Iterator[pa.NativeFile]:
    """For Azure, which shows an empty blob as soon as an upload starts and cannot rename. A copy appears whole."""
    with _temporary(filesystem, path) as (temporary, stream):
        yield stream
    filesystem.copy_file(temporary, path)
    remove(filesystem, temporary)


@contextmanager
def _renamed(filesystem: pa_fs.FileSystem, path: str) -> Iterator[pa.NativeFile]:
    filesystem.create_dir(path.rpartition("/")[0], recursive=True)
    with _temporary(filesystem, path) as (temporary, stream):
        yield stream
    filesystem.move(temporary, path)


@contextmanager
def _temporary(filesystem: pa_fs.FileSystem, path: str) -> Iterator[tuple[str, pa.NativeFile]]:
    """A hidden temporary file in the same folder, removed if the block fails."""
    folder, _, last = path.rpartition("/")
    temporary = f"{folder}/.{last}.{uuid.uuid4().hex[:8]}"
    try:
        with filesystem.open_output_stream(temporary) as stream:
            yield temporary, stream
    except BaseException:
        remove(filesystem, temporary)
        raise


def remove(filesystem: pa_fs.FileSystem, path: str) -> None:
    """Remove a file. A missing file is not an error."""
    try:
        filesystem.delete_file(path)
    except FileNotFoundError:
        return
