"""Leave out events that are too old. Reads one column."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from typing import TYPE_CHECKING, Any, NamedTuple, cast

from sluice.delivery.extraction import FeedExtraction, FeedStep
from sluice.delivery.rows.reading import each_slice
from sluice.delivery.rows.selection import write_selection
from sluice.errors import about
from sluice.model.layout import numbers
from sluice.model.run import unix_ns
from sluice.plan.model import Feed, Plan
from sluice.sources.row_set import Numbers
from sluice.sources.times import DAY, times

if TYPE_CHECKING:
    import pyarrow as pa


def _describe(plan: Plan, feed: Feed) -> str | None:  # noqa: ARG001 - a step's signature
    return (
        f"leaves out events whose {feed.dataset.time} is before {feed.oldest:%Y-%m-%d %H:%M} UTC"
        if feed.oldest
        else None
    )


def _take(work: FeedExtraction) -> None:
    pinned, name = work.extract.pinned, f"selection/{work.feed.name}.arrow"
    column, oldest = cast("str", work.feed.dataset.time), cast("datetime", work.feed.oldest)
    with about("datasets", work.feed.dataset.name, "time"):
        ages = Ages(column, pinned.schema, oldest, dataset=work.feed.dataset.name)
        kept, young, undated = work.kept(), [0] * len(pinned.slices), 0

        def rows() -> Iterator[pa.Array]:
            """The young rows of each slice, in the order of the slices. Slices without rows are not read."""
            nonlocal undated
            done = 0
            for one in each_slice(
                work.source, pinned, kept, [column], lambda index, tables: ages.of(index, kept.rows(index), tables)
            ):
                yield from _nothing(one.slice - done)
                young[one.slice], undated, done = len(one.young), undated + one.undated, one.slice + 1
                yield numbers(one.young)
            yield from _nothing(len(pinned.slices) - done)

        write_selection(work.run.stage.opened, name, rows())
    if too_old := work.extract.records - sum(young):
        work.update(kept=tuple(young), selection=name)
    work.update(too_old=too_old, undated=undated)


AGE = FeedStep("age", _describe, _take)


class Aged(NamedTuple):
    """The rows of one slice that are sent."""

    slice: int
    """The number of the slice."""
    young: Numbers
    """Row numbers within the slice, ascending, as uint32."""
    undated: int
    """The number of them without a time."""


class Ages:
    """The column with the time of events. Raises `DefinitionError` if it is unknown, or holds no times."""

    def __init__(self, column: str, schema: pa.Schema, oldest: datetime, *, dataset: str) -> None:
        # In the column's own unit: nanoseconds in 64 bits end in 2262. Of a date, the last moment counts.
        unit = times(column, schema, dataset=dataset)
        self._least = unix_ns(oldest) // DAY if unit == DAY else -(-unix_ns(oldest) // unit)
        self._column = column

    def of(self, index: int, rows: Numbers, tables: Iterator[pa.Table]) -> Aged:
        """The young rows among these rows of a slice; `tables` hold their times. Rows without a time are young."""
        import numpy as np

        found, undated, start = [], 0, 0
        for table in tables:
            column = table[self._column]
            undated += column.null_count
            found.append(rows[start : start + table.num_rows][self._young(column)])
            start += table.num_rows
        return Aged(index, np.concatenate(found) if found else np.array([], np.uint32), undated)

    def _young(self, column: pa.ChunkedArray) -> Any:
        import pyarrow as pa
        import pyarrow.compute as pc

        if pa.types.is_date(column.type):
            column = column.cast(pa.date32()).cast(pa.int32())
        young = pc.greater_equal(column.cast(pa.int64()), pa.scalar(self._least, pa.int64()))
        return pc.fill_null(young, fill_value=True).to_numpy()


def _nothing(slices: int) -> Iterator[pa.Array]:
    import numpy as np

    yield from (numbers(np.array([], np.uint32)) for _ in range(slices))
