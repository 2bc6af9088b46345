"""Membership tables: the sorted, distinct keys of a segment's members in a Parquet file, and a pointer to the last."""

from __future__ import annotations

import hashlib
import re
from contextlib import suppress
from datetime import datetime
from typing import TYPE_CHECKING, NamedTuple

from pydantic import BaseModel, ConfigDict

from sluice.definition.models.catalog import Dataset, Segment
from sluice.definition.models.project import Staging
from sluice.errors import FatalError
from sluice.filesystem import Opened, open_filesystem
from sluice.model.access import Connections

if TYPE_CHECKING:
    import pyarrow as pa

_REFRESH = "trigger the DAG system_refresh in Airflow, or run `sluice refresh`; then clear the failed task"
KEPT = 10
"""Membership tables kept per segment, for runs that have pinned an older one."""
_ROWS = ".rows"


class MemberRows(BaseModel):
    """The members' rows, staged beside their keys."""

    model_config = ConfigDict(frozen=True)

    source: str
    """A digest of the dataset's source as it was declared."""
    records: int
    """Rows. A key that several rows have counts for each."""


class Membership(BaseModel):
    """One evaluation of a segment."""

    model_config = ConfigDict(frozen=True)

    segment: str
    path: str
    """The Parquet file, below the staging folder; its one column is the dataset's key."""
    records: int
    """Members: distinct keys that are not null."""
    refreshed_at: datetime
    dataset: str
    key: str
    """The dataset's key column, and the table's."""
    sql_digest: str
    """SHA-256 of the evaluated rule."""
    engine: str = "DuckDB"
    """Where the rule was evaluated: `DuckDB`, on the worker; `PostgreSQL`, in the database; or `Spark 4.3.0`."""
    why: str = ""
    """Why DuckDB evaluated it."""
    moved: str = ""
    """How the keys came from a cluster."""
    rows: MemberRows | None = None
    """The rows of the members; None if they were not staged."""

    @property
    def rows_path(self) -> str:
        """The file of the rows, below the staging folder: what was pinned, and a bit for each row of it."""
        return _rows_of(self.path)

    @property
    def evaluated(self) -> str:
        """How it was evaluated, for a log."""
        why, moved = (f", because {self.why}" if self.why else ""), (f"; {self.moved}" if self.moved else "")
        return f"in {self.engine}{why}{moved}"


def current(staging: Staging, segment: str, connections: Connections) -> Membership:
    """The last finished evaluation. Raises `FatalError` if there is none."""
    found = _open(staging, connections).find_bytes(_pointer(segment))
    if found is None:
        raise FatalError(f"segment {segment} has not been refreshed yet", next_step=_REFRESH)
    return Membership.model_validate_json(found)


def members(segment: Segment, dataset: Dataset, staging: Staging, connections: Connections) -> Membership:
    """The last finished evaluation of a segment of this dataset. Raises `FatalError` if there is none, or if the
    members were listed by another column or are of another dataset: the same numbers may be other people there."""
    found, key = current(staging, segment.name, connections), members_key(dataset)
    if (found.dataset, found.key) != (dataset.name, key):
        raise FatalError(
            f"segment {segment.name} is of {dataset.name} by `{key}`, but its last refresh listed the members of"
            f" {found.dataset} by `{found.key}`",
            next_step=_REFRESH,
        )
    return found


def members_key(dataset: Dataset) -> str:
    """The column that a segment's members are listed by."""
    return dataset.row_key or dataset.key


def before(now: Membership, staging: Staging, connections: Connections) -> int | None:
    """The members at the evaluation before this one; None if its table is no longer kept."""
    import pyarrow.parquet as pq

    opened = _open(staging, connections)
    tables = [f for f in opened.list(f"segments/{now.segment}") if f.name.endswith(".parquet") and f.name != now.path]
    if not tables:
        return None
    last = max(tables, key=lambda f: (f.modified, f.name))
    with opened.open_input(last.name) as stream:
        return int(pq.ParquetFile(stream).metadata.num_rows)


class Evaluated(NamedTuple):
    """The members of a segment at one evaluation."""

    at: datetime
    """When its table was written, by the store's clock."""
    records: int


def over_time(staging: Staging, segment: str, connections: Connections) -> list[Evaluated]:
    """The members at the evaluations whose tables are kept, oldest first."""
    import pyarrow.parquet as pq

    opened = _open(staging, connections)
    found = []
    for file in opened.list(f"segments/{segment}"):
        if file.name.endswith(".parquet"):
            with suppress(FatalError), opened.reporting(f"reading {file.name}"), opened.open_input(file.name) as stream:
                found.append(Evaluated(opened.written_at(file), int(pq.ParquetFile(stream).metadata.num_rows)))
    return sorted(found)


def read_keys(membership: Membership, staging: Staging, connections: Connections) -> pa.ChunkedArray:
    """The members' keys, sorted. Raises `FatalError` if the table is missing or does not match its pointer."""
    import pyarrow.parquet as pq

    opened = _open(staging, connections)
    with opened.reporting(f"reading {membership.path}"), opened.open_input(membership.path) as stream:
        # Not `read_table`, which imports `pyarrow.dataset`, and with it pandas: a third of a second.
        keys: pa.ChunkedArray = pq.ParquetFile(stream).read().column(membership.key)
    if len(keys) != membership.records:
        raise FatalError(
            f"segment {membership.segment}: {membership.path} has {len(keys):,} keys, but"
            f" {membership.records:,} were written",
            next_step=_REFRESH,
        )
    return keys


def write_table(
    planned: Membership, keys: pa.RecordBatchReader, staging: Staging, connections: Connections
) -> Membership:
    """Write the keys to the planned path; returns `planned` with the count. Call `make_current` to publish the
    table."""
    import pyarrow.parquet as pq

    opened = _open(staging, connections)
    records = 0
    with opened.open_output(planned.path) as sink, pq.ParquetWriter(sink, keys.schema, compression="zstd") as writer:
        for batch in keys:
            writer.write_batch(batch)
            records += batch.num_rows
    return planned.model_copy(update={"records": records})


def make_current(written: Membership, staging: Staging, connections: Connections) -> Membership:
    """Point to a written table, and remove all but the `KEPT` newest."""
    opened = _open(staging, connections)
    opened.write_bytes(_pointer(written.segment), written.model_dump_json(indent=2).encode())
    _forget(opened, written)
    return written


def table_path(segment: str, run_key: str) -> str:
    """The path of a run's table: the run's name with safe characters, made unique by a digest."""
    spelled = re.sub(r"[^A-Za-z0-9._-]+", "-", run_key)[:100].strip(".")
    digest = hashlib.sha256(run_key.encode()).hexdigest()[:8]
    return f"segments/{segment}/{spelled}-{digest}.parquet"


def _rows_of(table: str) -> str:
    return table.removesuffix(".parquet") + _ROWS


def _pointer(segment: str) -> str:
    return f"segments/{segment}/current.json"


def _forget(opened: Opened, kept: Membership) -> None:
    """Remove old tables. Rows are kept for the last two: a run that has just looked may still take the older ones."""
    files = [f for f in opened.list(f"segments/{kept.segment}") if f.name not in (kept.path, kept.rows_path)]
    tables = [f for f in files if f.name.endswith(".parquet")]
    newest_first = [f.name for f in sorted(tables, key=lambda f: (f.modified, f.name), reverse=True)]
    last = [_rows_of(name) for name in newest_first[:1]]
    opened.remove(newest_first[KEPT - 1 :])
    opened.remove(f.name for f in files if f.name.endswith(_ROWS) and f.name not in last)


def _open(staging: Staging, connections: Connections) -> Opened:
    return open_filesystem(connections, staging.airflow_conn_id, staging.path)
