"""The rows of each slice that are sent, staged as one Arrow file with a record batch for each slice."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

from sluice.filesystem import Opened

if TYPE_CHECKING:
    import pyarrow as pa


def write_selection(opened: Opened, name: str, selections: Iterable[pa.Array]) -> None:
    """Stage the row numbers of every slice, in order."""
    import pyarrow as pa

    schema = pa.schema([("row", pa.uint32())])
    options = pa.ipc.IpcWriteOptions(compression="zstd")
    with opened.open_output(name) as sink, pa.ipc.new_file(sink, schema, options=options) as writer:
        for rows in selections:
            writer.write_batch(pa.record_batch([rows], schema=schema))


class Selection:
    """The staged row numbers, read one slice at a time. Not thread-safe."""

    def __init__(self, opened: Opened, name: str) -> None:
        import pyarrow as pa

        self._batches = pa.ipc.open_file(opened.open_input(name))

    def rows(self, index: int) -> pa.Array:
        return self._batches.get_batch(index).column(0)
