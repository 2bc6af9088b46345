"""Small tables wait for each other before they become text."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import polars as pl
import pyarrow as pa
import pytest

from sluice.formats.csv import Csv
from sluice.formats.plain import simple
from sluice.formats.text import FIRST_ROWS, TextEncoder

SCHEMA = pa.schema([("id", pa.int64()), ("text", pa.string())])
VIEWS = pa.schema([("id", pa.int64()), ("text", pa.string_view())])


class Renders:
    """Counts the rows of each batch."""

    def __init__(self) -> None:
        self.batches: list[int] = []

    def __call__(self, rows: pl.DataFrame) -> bytes:
        self.batches.append(rows.height)
        return b"".join(f"{n},{text}\n".encode() for n, text in rows.iter_rows())


def table(first: int, rows: int, schema: pa.Schema = SCHEMA) -> pa.Table:
    texts = [f"the text of row {n}" for n in range(first, first + rows)]
    return pa.table({"id": range(first, first + rows), "text": texts}).cast(schema)


def encoded(tables: Sequence[pa.Table], renders: Renders) -> bytes:
    encoder = TextEncoder(SCHEMA, simple, renders, Csv(type="csv", compression="none").compressor())
    return b"".join([*(piece for one in tables for piece in encoder.encode(one)), *encoder.close()])


def test_small_tables_make_one_batch() -> None:
    renders = Renders()
    encoded([table(n * 10, 10) for n in range(4_000)], renders)
    assert len(renders.batches) == 3
    assert renders.batches[0] == FIRST_ROWS + 6
    assert sum(renders.batches) == 40_000


def test_batches_of_a_large_table_are_of_about_the_same_size() -> None:
    renders = Renders()
    encoded([table(0, 86_000)], renders)
    first, *others = renders.batches
    assert first <= 1.5 * FIRST_ROWS
    assert max(others) - min(others) < 10
    assert len(others) == 3


@pytest.mark.parametrize("order", [(SCHEMA, VIEWS, SCHEMA), (VIEWS, VIEWS, SCHEMA)], ids=["between", "at the end"])
def test_tables_of_several_layouts_keep_their_order(order: Sequence[pa.Schema]) -> None:
    tables = [table(n * 10, 10, schema) for n, schema in enumerate(order)]
    assert encoded(tables, Renders()) == encoded([table(0, 30)], Renders())


def test_tables_that_keep_much_memory_alive_do_not_wait() -> None:
    """One row of a large row group: the view of its text keeps all of them."""
    renders = Renders()
    group = pl.DataFrame({"id": range(50_000), "text": ["x" * 200] * 49_999 + ["the last"]})
    one = group[np.array([7], np.uint32)].to_arrow(compat_level=pl.CompatLevel.newest())
    assert one.get_total_buffer_size() > 8_000_000
    encoded([one] * 5, renders)
    assert renders.batches == [1] * 5


def test_rows_that_share_a_long_text_do_not_wait() -> None:
    """They take the memory of one, but the text is written for each."""
    renders = Renders()
    long = pl.Series(["x" * 500_000]).gather([0] * 20)
    one = pl.DataFrame({"id": range(20), "text": long}).to_arrow(compat_level=pl.CompatLevel.newest())
    assert one.get_total_buffer_size() < 1_000_000
    encoded([one] * 3, renders)
    assert renders.batches[0] == 20


def test_tables_without_rows_write_nothing() -> None:
    assert encoded([table(0, 0), table(0, 0)], Renders()) == b""
    assert encoded([table(0, 0), table(0, 3), table(3, 0)], Renders()) == encoded([table(0, 3)], Renders())
