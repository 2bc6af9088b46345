"""Reject rows that lack a required field, and rows with values that the format cannot hold."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

from sluice.delivery.row_rules.quarantine import Quarantine
from sluice.delivery.row_rules.repeated import repeated
from sluice.delivery.row_rules.trial import Trial
from sluice.delivery.rows.reading import each_slice
from sluice.formats.base import Format
from sluice.mapping.mapper import Mapper
from sluice.model.layout import numbers
from sluice.sources.base import Pinned, Source
from sluice.sources.row_set import Numbers, RowSet

if TYPE_CHECKING:
    import pyarrow as pa


@dataclass(frozen=True)
class Found:
    """Rejected rows of one slice: their positions among the rows that were checked, their delivered form, the
    reasons."""

    index: int
    positions: Numbers
    delivered: pa.Table
    reasons: pa.ChunkedArray


class Rejecter:
    """Moves rows of one feed into its quarantine."""

    def __init__(self, source: Source, pinned: Pinned, mapper: Mapper, quarantine: Quarantine) -> None:
        self._source, self._pinned, self._mapper, self._quarantine = source, pinned, mapper, quarantine

    def lacking(self, rejects: RowSet) -> None:
        """Reject these rows, which lack a required field."""
        for found in each_slice(self._source, self._pinned, rejects, self._mapper.columns, self._lacking):
            self._add(found, rejects)

    def unfit(self, kept: RowSet, declared: Format, most: int | None) -> None:
        """Reject rows that the format cannot hold, and remove them from `kept`. Stops once more than `most` rows are in
        quarantine."""
        trial = Trial(declared, self._mapper.schema)

        def tried(index: int, tables: Iterator[pa.Table]) -> Found:
            return self._unfit(index, tables, trial)

        for found in each_slice(self._source, self._pinned, kept, self._mapper.columns, tried):
            self._add(found, kept)
            kept.discard_of(found.index, kept.rows(found.index)[found.positions])
            if most is not None and self._quarantine.count > most:
                return

    def repeated(self, kept: RowSet, column: str, most: int) -> None:
        """Reject the rows beyond `most` with the same value in a delivered column, and remove them from `kept`."""
        why = f"column `{column}`: {most} other rows have the same value, and one file may not have more"

        def with_reason(index: int, tables: Iterator[pa.Table]) -> Found:
            import numpy as np
            import pyarrow as pa

            whole = pa.concat_tables(map(self._mapper.apply, tables))
            reasons = pa.chunked_array([pa.repeat(why, len(whole))])
            return Found(index, np.arange(len(whole)), whole, reasons)

        beyond = repeated(self._source, self._pinned, kept, self._mapper, column, most)
        for found in each_slice(self._source, self._pinned, beyond, self._mapper.columns, with_reason):
            self._add(found, beyond)
            kept.discard_of(found.index, beyond.rows(found.index))

    def _add(self, found: Found, of: RowSet) -> None:
        rows = of.rows(found.index)[found.positions]
        self._quarantine.add(self._pinned.slices[found.index], rows, found.delivered, found.reasons)

    def _lacking(self, index: int, tables: Iterator[pa.Table]) -> Found:
        import numpy as np
        import pyarrow as pa

        whole = pa.concat_tables(tables)
        return Found(index, np.arange(len(whole)), self._mapper.apply(whole), self._mapper.reasons_of(whole))

    def _unfit(self, index: int, tables: Iterator[pa.Table], trial: Trial) -> Found:
        import numpy as np
        import pyarrow as pa

        parts, positions = [self._mapper.schema.empty_table()], [np.array([], np.int64)]
        reasons, start = [pa.array([], pa.string())], 0
        for table in tables:
            delivered = self._mapper.apply(table)
            refused = trial.refused(delivered)
            parts.append(delivered.take(numbers(refused.rows)))
            positions.append(start + refused.rows)
            reasons += refused.why.chunks if isinstance(refused.why, pa.ChunkedArray) else [refused.why]
            start += table.num_rows
        whole = pa.concat_tables(parts)
        return Found(index, np.concatenate(positions), whole, pa.chunked_array(reasons, pa.string()))
