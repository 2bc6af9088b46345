"""Deduplicate rows by key."""

from __future__ import annotations

import tempfile
from collections.abc import Sequence
from typing import cast

from sluice.definition.models.rows import Unique
from sluice.delivery.extraction import FeedExtraction, FeedStep
from sluice.delivery.row_rules.keyed import Keys, asked
from sluice.errors import FatalError, about
from sluice.memory import budget
from sluice.model.layout import as_numpy
from sluice.plan.model import Feed, Plan
from sluice.sources.base import Pinned, Source, known_columns
from sluice.sources.row_set import RowSet
from sluice.sql import connect

_THREADS = 2


def _describe(plan: Plan, feed: Feed) -> str | None:
    unique = plan.export.unique
    if unique is None:
        return None
    order = f"in the order of {unique.order}" if unique.order else "in the data's own order"
    return f"keeps the {unique.keep} row of each {', '.join(_key(unique, feed))}, {order}"


def _keep_one(work: FeedExtraction) -> None:
    spec, extract = cast("Unique", work.plan.export.unique), work.extract
    kept = work.kept()
    lacking = work.lacking or RowSet(kept.slices)
    before = len(kept) + len(lacking)
    with about("exports", work.plan.export.name, "unique"):
        rows, key = kept | lacking, _key(spec, work.feed)
        stays = unique_rows(work.source, extract.pinned, rows, spec, key, dataset=work.feed.dataset.name)
    kept, work.lacking = kept & stays, lacking & stays
    work.keep(kept)
    work.update(duplicates=before - len(kept) - len(work.lacking))


def _key(unique: Unique, feed: Feed) -> Sequence[str]:
    return unique.by or (feed.dataset.key,)


UNIQUE = FeedStep("unique", _describe, _keep_one)


def unique_rows(
    source: Source, pinned: Pinned, rows: RowSet, spec: Unique, key: Sequence[str], *, dataset: str
) -> RowSet:
    """The rows that are kept: one per key, and every row in which a column of the key is null. Deterministic.

    Reads only the columns of the key and of the order. Raises `DefinitionError` if one is unknown, `FatalError` if the
    engine cannot compare its type."""
    columns = [*key, *([spec.order] if spec.order else [])]
    known_columns(pinned.schema, columns, dataset=dataset)
    stays = RowSet(pinned.slices)
    keys = Keys(source, pinned, rows, columns)
    with (
        tempfile.TemporaryDirectory(prefix="sluice-") as spill,
        connect(threads=_THREADS, memory=budget().engine, spill=spill) as engine,
    ):
        for batch in asked(engine, _query(spec, len(key)), keys, lambda why: _failed(dataset, why)):
            stays.add(as_numpy(batch.column(0)))
    return stays


def _query(spec: Unique, width: int) -> str:
    """A query for the ordinals of the rows that are kept. Grouping, possible without an order, is far cheaper than a
    window."""
    key = [f"k{number}" for number in range(width)]
    lone = f"case when {' or '.join(f'{part} is null' for part in key)} then ordinal end"
    groups = ", ".join([*key, lone])
    if spec.order is None:
        pick = "max" if spec.keep == "last" else "min"
        return f"select {pick}(ordinal) from rows group by {groups}"  # noqa: S608 - our own names alone
    last = spec.keep == "last"
    order = f"k{width} desc nulls last, ordinal desc" if last else f"k{width} nulls first, ordinal"
    return (
        "select ordinal from rows "  # noqa: S608 - our own names alone
        f"qualify row_number() over (partition by {groups} order by {order}) = 1"
    )


def _failed(dataset: str, why: str) -> FatalError:
    return FatalError(
        f"dataset {dataset}: deduplication by key failed: {why}",
        next_step="name other columns in `unique`, declare more `memory`, or make room in the temporary folder",
    )
