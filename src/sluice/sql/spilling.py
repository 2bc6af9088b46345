"""The disk that SQL engines spill to, when memory is not enough."""

from __future__ import annotations

import shutil
import tempfile

from sluice.errors import RetriableError

FULL = 100 * 10**6
"""Free bytes of a disk below which nothing can be spilled."""


def disk_full(error: Exception, what: str) -> RetriableError | None:
    """The error of a worker whose disk is full, if an engine has failed for that reason: another worker may have room,
    where more memory than is declared would help nobody. `what` says what failed."""
    import duckdb

    if not isinstance(error, (duckdb.OutOfMemoryException, duckdb.IOException, OSError)):
        return None
    folder = tempfile.gettempdir()
    free = shutil.disk_usage(folder).free
    if free >= FULL:
        return None
    return RetriableError(
        f"{what}: the disk of this worker is full, {free // 10**6} MB are left in {folder}",
        next_step="free space there, or set TMPDIR to a larger disk; another worker may have room",
    )
