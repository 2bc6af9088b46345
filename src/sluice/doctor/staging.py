"""Staging: exclusive creation of files, its disk, and whether the workers see the same folder."""

from __future__ import annotations

import shutil
from collections.abc import Collection, Iterator, Sequence

from sluice.definition.models.project import Staging
from sluice.doctor.check import Check, error, ok, size, warning
from sluice.doctor.workers import Seen
from sluice.errors import SluiceError
from sluice.filesystem import open_filesystem
from sluice.filesystem.probe import probe_staging
from sluice.model.access import Connections

NAME = "staging"
LEAST = 10**9
"""Free bytes of staging's disk below which runs may soon fail."""


def check_staging(staging: Staging, connections: Connections) -> Iterator[Check]:
    """Whether this machine can write there, and two processes never create the same file."""
    try:
        address = probe_staging(connections, staging.airflow_conn_id, staging.path)
        opened = open_filesystem(connections, staging.airflow_conn_id, staging.path)
    except SluiceError as failed:
        yield error(NAME, failed.what, failed.next_step or "run `sluice check --connect`")
        return
    free = shutil.disk_usage(opened.root).free if opened.local else None
    left = "" if free is None else f"; {size(free)} free"
    if free is not None and free < LEAST:
        yield warning(NAME, f"{address} has only {size(free)} free", "free space there, or lower `staging.keep`")
        return
    yield ok(NAME, f"{address}: creates files only if they are absent{left}")


def check_shared(seen: Sequence[Seen], ran: Collection[str]) -> Iterator[Check]:
    """Whether every worker that has run tasks of exports, according to Airflow, has left a note here."""
    noted = {one.worker.host for one in seen}
    if silent := sorted(set(ran) - noted):
        yield error(
            NAME,
            f"{', '.join(silent)} ran tasks of exports, but left no note in this folder: another staging folder may be"
            " configured there",
            "point the Airflow connection of staging to a bucket or a mount that every worker has; a worker that is not"
            " upgraded yet leaves no notes",
        )
    elif noted:
        yield ok(NAME, f"shared: {_listed(sorted(noted))} write to it")
    else:
        yield warning(NAME, "no worker has used it within a week", "run an export, then this command again")


def _listed(names: Sequence[str]) -> str:
    return ", ".join(names) if len(names) <= 5 else f"{', '.join(names[:4])} and {len(names) - 4} more workers"
