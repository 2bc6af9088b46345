"""Quarantine: rows that cannot be delivered are counted, and stored in staging with the reason.

The file `deliveries/<export>/quarantine/<flow run id>/<feed>.parquet` is in the staging folder, so it never reaches a
destination. It holds the delivered columns, hashed and masked as they would have been sent, and each row's place in its
source.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from contextlib import ExitStack
from typing import TYPE_CHECKING, Any

from sluice.errors import DefinitionError
from sluice.filesystem import open_filesystem
from sluice.formats import FORMATS
from sluice.model.access import Connections
from sluice.plan.model import Feed, Plan
from sluice.sources.base import Slice
from sluice.sources.row_set import Numbers

if TYPE_CHECKING:
    import pyarrow as pa

KEPT = 20
"""Runs of an export whose quarantine is kept. Older ones are removed when a run rejects rows."""
KINDS = 20
"""Reasons that are counted separately; the rows of all other reasons are counted together."""
OTHERS = "other reasons"


class Quarantine:
    """One feed's quarantine file, created with its first row. It appears when the block ends without an error."""

    def __init__(self, plan: Plan, feed: Feed, schema: pa.Schema, connections: Connections) -> None:
        folder = f"{plan.staging.path}/deliveries/{plan.export.name}/quarantine".lstrip("/")
        self._opened = open_filesystem(connections, plan.staging.airflow_conn_id, folder)
        self._run, self._name = str(plan.run.id), f"{plan.run.id}/{feed.name}.parquet"
        self._columns = list(_holdable(schema))
        self._open = ExitStack()
        self._sink: pa.NativeFile | None = None
        self.reasons: Counter[str] = Counter()
        """Rows by reason."""
        self._opened.remove([self._name])

    @property
    def address(self) -> str | None:
        """The file's address in its filesystem; None if no row was rejected."""
        return self._opened.at(self._name) if self.reasons else None

    def add(self, piece: Slice, rows: Numbers, table: pa.Table, reasons: pa.ChunkedArray) -> None:
        """Add rejected rows of one slice: their numbers in it, the rows as they would be delivered, and the reasons."""
        import pyarrow as pa

        if not len(rows):
            return
        count = len(rows)
        place = {
            "sluice_reason": reasons.cast(pa.string()),
            "sluice_unit": pa.array([piece.unit] * count),
            "sluice_slice": pa.array([piece.index] * count, pa.int32()),
            "sluice_row": pa.array(rows, pa.int64()),
        }
        whole = pa.table({**place, **{name: table[name] for name in self._columns}})
        self._write(whole)
        self._count(whole["sluice_reason"])

    def __enter__(self) -> Quarantine:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: Any) -> None:
        """Finish the file and remove those of old runs; after an error, leave no file."""
        if self._sink is None:
            return
        if error is None:
            for piece in self._encoder.close():
                self._sink.write(piece)
        self._open.__exit__(kind, error, trace)
        self._prune()

    @property
    def count(self) -> int:
        """Rejected rows."""
        return self.reasons.total()

    def _write(self, rows: pa.Table) -> None:
        if self._sink is None:
            self._sink = self._open.enter_context(self._opened.open_output(self._name))
            self._encoder: Any = (
                FORMATS["parquet"].model_validate({"type": "parquet", "compression": "zstd"}).encoder(rows.schema)
            )
        for piece in self._encoder.encode(rows):
            self._sink.write(piece)

    def _count(self, reasons: pa.ChunkedArray) -> None:
        for one in reasons.value_counts().to_pylist():
            known = one["values"] in self.reasons or len(self.reasons) < KINDS
            self.reasons[one["values"] if known else OTHERS] += one["counts"]

    def _prune(self) -> None:
        last: dict[str, int] = {}
        files = [file for file in self._opened.list() if "/" in file.name]
        for file in files:
            run = file.name.split("/")[0]
            last[run] = max(last.get(run, 0), file.modified)
        runs = sorted(last, key=lambda run: (run == self._run, last[run], run))
        self._opened.remove(file.name for file in files if file.name.split("/")[0] in runs[:-KEPT])


def _holdable(schema: pa.Schema) -> Iterator[str]:
    """The columns that a Parquet file can hold, without those named like the quarantine's own."""
    import pyarrow as pa

    parquet = FORMATS["parquet"](type="parquet")
    for field in schema:
        try:
            parquet.check(pa.schema([field]))
        except DefinitionError:
            continue
        if not field.name.startswith("sluice_"):
            yield field.name
