"""A `pyarrow` filesystem whose requests are repeated for as long as the others' are: for Azure, whose client gives up
after six seconds and has no setting for it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any, TypeVar

from sluice.filesystem.failures import busy
from sluice.patience import patience, patiently

if TYPE_CHECKING:
    from pyarrow import fs as pa_fs

Result = TypeVar("Result")


def asked_again(filesystem: pa_fs.FileSystem) -> pa_fs.PyFileSystem:
    """The same filesystem, with patience. What is read or written after a file has been opened goes past it, straight
    to the client: those requests have only the client's own."""
    from pyarrow import fs as pa_fs

    handler = type("PatientHandler", (_Patient, pa_fs.FileSystemHandler), {})
    return pa_fs.PyFileSystem(handler(filesystem))


class _Patient:
    """The methods that `pyarrow` calls on a filesystem handler."""

    def __init__(self, filesystem: pa_fs.FileSystem) -> None:
        self._inner: Any = filesystem
        self._patience = patience()

    def _ask(self, act: Callable[[], Result]) -> Result:
        return patiently(act, busy, self._patience)

    def get_type_name(self) -> str:
        return str(self._inner.type_name)

    def normalize_path(self, path: str) -> str:
        return str(self._inner.normalize_path(path))

    def get_file_info(self, paths: Sequence[str]) -> list[pa_fs.FileInfo]:
        return self._ask(lambda: self._inner.get_file_info(paths))

    def get_file_info_selector(self, selector: pa_fs.FileSelector) -> list[pa_fs.FileInfo]:
        return self._ask(lambda: self._inner.get_file_info(selector))

    def create_dir(self, path: str, recursive: bool) -> None:  # noqa: FBT001 - the signature is pyarrow's
        self._ask(lambda: self._inner.create_dir(path, recursive=recursive))

    def delete_dir(self, path: str) -> None:
        self._ask(lambda: self._inner.delete_dir(path))

    def delete_dir_contents(self, path: str, missing_dir_ok: bool) -> None:  # noqa: FBT001 - the signature is pyarrow's
        self._ask(lambda: self._inner.delete_dir_contents(path, missing_dir_ok=missing_dir_ok))

    def delete_root_dir_contents(self) -> None:
        raise NotImplementedError("Sluice never removes the whole contents of an account")

    def delete_file(self, path: str) -> None:
        self._ask(lambda: self._inner.delete_file(path))

    def move(self, source: str, target: str) -> None:
        self._ask(lambda: self._inner.move(source, target))

    def copy_file(self, source: str, target: str) -> None:
        self._ask(lambda: self._inner.copy_file(source, target))

    # Without `compression`, pyarrow would unpack a file here because of its name, and once more in the caller.

    def open_input_stream(self, path: str) -> Any:
        return self._ask(lambda: self._inner.open_input_stream(path, compression=None))

    def open_input_file(self, path: str) -> Any:
        return self._ask(lambda: self._inner.open_input_file(path))

    def open_output_stream(self, path: str, metadata: Any) -> Any:
        return self._ask(lambda: self._inner.open_output_stream(path, compression=None, metadata=metadata))

    def open_append_stream(self, path: str, metadata: Any) -> Any:
        raise NotImplementedError("Sluice appends to no file")
