"""How a file comes to its name whole: each kind of filesystem has its own way."""

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
    """Make a folder of Sluice's own on a disk one that nobody else may enter: customers' rows are staged there."""
    made = Path(folder)
    made.mkdir(mode=0o700, parents=True, exist_ok=True)
    if made.stat().st_uid == os.geteuid() and made.stat().st_mode & 0o077:
        made.chmod(0o700)


def writing(filesystem: pa_fs.FileSystem, path: str) -> AbstractContextManager[pa.NativeFile]:
    """A stream to a new file at `path`, which is seen there, whole, once the block has ended without an error."""
    if filesystem.type_name in ("s3", "gcs"):
        return _uploaded(filesystem, path)
    if filesystem.type_name == "abfs":
        return _copied(filesystem, path)
    return _renamed(filesystem, path)


@contextmanager
def _uploaded(filesystem: pa_fs.FileSystem, path: str) -> Iterator[pa.NativeFile]:
    """These stores show an object when its upload is complete; but closing an upload completes it, whatever went
    wrong before. So it begins when nothing of ours can go wrong any more."""
    import pyarrow as pa

    with tempfile.SpooledTemporaryFile(_IN_MEMORY) as spool:
        yield pa.PythonFile(spool, "w")
        spool.seek(0)
        with filesystem.open_output_stream(path) as stream:
            while piece := spool.read(_PIECE):
                stream.write(piece)


@contextmanager
def _copied(filesystem: pa_fs.FileSystem, path: str) -> Iterator[pa.NativeFile]:
    """Azure shows an empty blob as soon as one is begun, and has no rename: a copy appears whole."""
    with _beside(filesystem, path) as (beside, stream):
        yield stream
    filesystem.copy_file(beside, path)
    filesystem.delete_file(beside)


@contextmanager
def _renamed(filesystem: pa_fs.FileSystem, path: str) -> Iterator[pa.NativeFile]:
    filesystem.create_dir(path.rpartition("/")[0], recursive=True)
    with _beside(filesystem, path) as (beside, stream):
        yield stream
    filesystem.move(beside, path)


@contextmanager
def _beside(filesystem: pa_fs.FileSystem, path: str) -> Iterator[tuple[str, pa.NativeFile]]:
    """A hidden file in the same folder, gone again if the block fails."""
    folder, _, last = path.rpartition("/")
    beside = f"{folder}/.{last}.{uuid.uuid4().hex[:8]}"
    try:
        with filesystem.open_output_stream(beside) as stream:
            yield beside, stream
    except BaseException:
        remove(filesystem, beside)
        raise


def remove(filesystem: pa_fs.FileSystem, path: str) -> None:
    """Remove a file; one that is already gone is no error."""
    try:
        filesystem.delete_file(path)
    except FileNotFoundError:
        return
