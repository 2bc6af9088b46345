"""Preview: a feed's first rows as they would be delivered. It sends nothing and does not change staging."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from sluice.definition.models.project import Project
from sluice.delivery.row_rules.screen import Screen, opened, screened, screens
from sluice.delivery.row_rules.suppress import Listed
from sluice.delivery.rows.members import check_keys
from sluice.errors import FatalError, about
from sluice.filesystem import open_filesystem
from sluice.mapping.mapper import Mapper, compile_fields
from sluice.mapping.salts import read_salts
from sluice.model.access import Access, Connections, FolderAccess
from sluice.model.layout import as_numpy, numbers
from sluice.plan.model import Feed, Plan
from sluice.refresh.evaluate import evaluate_segment
from sluice.refresh.membership import members, read_keys
from sluice.refresh.order import order
from sluice.sources.base import Pinned, Source
from sluice.sources.row_set import RowSet
from sluice.sources.selection import select

if TYPE_CHECKING:
    import pyarrow as pa


@dataclass(frozen=True)
class Preview:
    """The first rows of one feed."""

    feed: Feed
    rows: pa.Table
    """As delivered: columns renamed, computed and hashed."""
    accounts: int | None
    """The accounts of the segment, if their contacts are delivered; otherwise None."""
    rejected: int
    """Rows before the last one shown that lack a required field, so they would not be sent."""


@dataclass(frozen=True)
class PrivateStaging:
    """The project's connections, with a private folder in place of staging: a preview writes only there."""

    others: Connections
    staging: str
    folder: Path

    def get(self, conn_id: str) -> Access:
        return FolderAccess(self.folder) if conn_id == self.staging else self.others.get(conn_id)


def preview(
    project: Project, plan: Plan, connections: Connections, rows: int, folder: Path, now: datetime
) -> Iterator[Preview]:
    """The first `rows` rows of each feed of the plan. `folder` is an empty folder for temporary copies.

    A segment's members come from its last refresh; a segment that was never refreshed is evaluated for the preview
    only. The preview includes rows that `unique`, `incremental` or `max_age` would leave out. Raises `DefinitionError`
    and `FatalError` like the step `extract`.
    """
    private = PrivateStaging(connections, plan.staging.airflow_conn_id, folder)
    for feed in plan.feeds:
        keys = _keys(project, plan, feed, connections, private, now)
        with about("datasets", feed.dataset.name):
            source = feed.dataset.source.open(connections, dataset=feed.dataset.name)
            pinned = source.pin(open_filesystem(private, plan.staging.airflow_conn_id, f"preview/{feed.name}"))
        if keys is not None:
            check_keys(feed, pinned.schema, keys)
        with about("exports", plan.export.name):
            mapper = compile_fields(feed.fields, pinned.schema, dataset=feed.dataset.name)
            mapper = mapper.salted(read_salts(feed.fields, connections))
            plan.format.check(mapper.schema)
            lists = partial(_list, plan, connections, private)
            with screens(plan, feed, pinned.schema, lists, connections) as left_out:
                yield _first(feed, source, pinned, mapper, keys, left_out, rows)


def _list(plan: Plan, connections: Connections, private: Connections, name: str) -> Listed:
    """A list of those who are left out, as it is now."""
    dataset, source = opened(plan, name, connections)
    return Listed(dataset, source, source.pin(open_filesystem(private, plan.staging.airflow_conn_id, f"lists/{name}")))


def _keys(
    project: Project, plan: Plan, feed: Feed, connections: Connections, private: Connections, now: datetime
) -> pa.ChunkedArray | None:
    """The keys of the feed's members; None if it has no segment."""
    if feed.segment is None:
        return None
    segment, dataset, staging = feed.segment, feed.through or feed.dataset, plan.staging
    with about("segments", segment.name):
        try:
            return read_keys(members(segment, dataset, staging, connections), staging, connections)
        except FatalError:
            for one in needed(project, [segment.name]):
                evaluate_segment(project, one, private, "preview", now)
            return read_keys(members(segment, dataset, staging, private), staging, private)


def needed(project: Project, segments: list[str]) -> list[str]:
    """These segments and all segments that they read, dependencies first."""
    wanted: set[str] = set()
    waiting = list(segments)
    while waiting:
        if (name := waiting.pop()) not in wanted and name in project.segments:
            wanted.add(name)
            waiting += project.segments[name].reads
    return [name for name in order(project) if name in wanted]


def _first(
    feed: Feed,
    source: Source,
    pinned: Pinned,
    mapper: Mapper,
    keys: pa.ChunkedArray | None,
    left_out: Sequence[Screen],
    rows: int,
) -> Preview:
    import numpy as np
    import pyarrow as pa

    found: list[pa.Table] = []
    missing, rejected = rows, 0
    for one in select(source, pinned, key=feed.member, keys=keys, required=mapper.required):
        if missing <= 0:
            break
        kept, lacking = (_staying(left_out, source, pinned, one.index, some) for some in (one.rows, one.rejects))
        wanted = kept[:missing]
        if len(wanted):
            tables = source.read(pinned, pinned.slices[one.index], mapper.columns, wanted)
            found += [mapper.apply(table) for table in tables]
            missing -= len(wanted)
        last = wanted[-1].as_py() if missing <= 0 else pinned.slices[one.index].records
        rejected += int(np.searchsorted(as_numpy(lacking), last))
    accounts = len(keys) if feed.through and keys is not None else None
    return Preview(feed, pa.concat_tables(found) if found else mapper.schema.empty_table(), accounts, rejected)


def _staying(left_out: Sequence[Screen], source: Source, pinned: Pinned, index: int, rows: pa.Array) -> pa.Array:
    """Those of the rows of one slice that are not left out."""
    if not left_out or not len(rows):
        return rows
    some = RowSet(pinned.slices)
    some.add_of(index, as_numpy(rows))
    return numbers(screened(left_out, source, pinned, some)[0].rows(index))
