"""Consent: which rows a column allows to be delivered."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

from sluice.definition.models.consent import Consent
from sluice.delivery.rows.reading import each_slice
from sluice.mapping.consent import values_of
from sluice.sources.base import Pinned, Source, known_columns
from sluice.sources.row_set import Numbers, RowSet

if TYPE_CHECKING:
    import pyarrow as pa


@dataclass(frozen=True)
class ByConsent:
    """Leaves out the rows without consent."""

    consent: Consent
    wanted: pa.Array
    """The values of `consent`, as the column is compared with them."""

    @classmethod
    def of(cls, consent: Consent, schema: pa.Schema, dataset: str) -> ByConsent:
        """Raises `DefinitionError` if the dataset has no such column, or if its type does not fit the values."""
        known_columns(schema, [consent.column], dataset=dataset)
        return cls(consent, values_of(consent, schema.field(consent.column).type, dataset))

    @property
    def reason(self) -> str:
        return f"no consent in `{self.consent.column}`"

    def left_out(self, source: Source, pinned: Pinned, rows: RowSet) -> dict[str, RowSet]:
        """The rows that are left out, by reason."""
        found = RowSet(rows.slices)
        for index, positions in each_slice(source, pinned, rows, [self.consent.column], self._refused):
            found.add_of(index, rows.rows(index)[positions])
        return {self.reason: found}

    def _refused(self, index: int, tables: Iterator[pa.Table]) -> tuple[int, Numbers]:
        import numpy as np

        opt_in = self.consent.way == "opt-in"
        masks = [self._matches(table.column(0)) for table in tables] or [np.zeros(0, bool)]
        return index, np.flatnonzero(np.concatenate(masks) != opt_in)

    def _matches(self, column: pa.ChunkedArray) -> Numbers:
        """Whether each value is one of those that are wanted. Null is none."""
        import numpy as np
        import pyarrow as pa
        import pyarrow.compute as pc

        kind = self.wanted.type
        if kind == pa.string():
            column = pc.utf8_lower(pc.utf8_trim_whitespace(column.cast(kind)))
        elif kind == pa.float64():
            column = column.cast(kind, safe=False)
        found: Numbers = np.asarray(pc.is_in(column, value_set=self.wanted), bool)
        return found
