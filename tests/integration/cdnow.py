"""Real customers: the CDNOW purchase history (1997-98), which the package `lifetimes` carries as a data file."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from functools import cached_property
from importlib.util import find_spec
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq


@dataclass(frozen=True)
class Purchase:
    customer_id: str
    date: date
    number_of_cds: int
    dollar_value: float


class Cdnow:
    """The purchases in the file's order, and what follows from them, computed without Sluice."""

    @cached_property
    def purchases(self) -> list[Purchase]:
        spec = find_spec("lifetimes")
        assert spec is not None
        assert spec.submodule_search_locations
        text = (Path(spec.submodule_search_locations[0]) / "datasets" / "CDNOW_master.txt").read_text()
        return [self._purchase(line) for line in text.splitlines()[1:]]

    @staticmethod
    def _purchase(line: str) -> Purchase:
        customer, day, cds, dollars = line.split()
        return Purchase(customer, date.fromisoformat(day), int(cds), float(dollars))

    @cached_property
    def first_purchases(self) -> dict[str, date]:
        first: dict[str, date] = {}
        for purchase in self.purchases:
            first[purchase.customer_id] = min(purchase.date, first.get(purchase.customer_id, purchase.date))
        return first

    def buyers(self, purchases: int, dollars: float = 0) -> set[str]:
        """Customers with so many purchases, and so many dollars, or more."""
        counts: dict[str, tuple[int, float]] = {}
        for one in self.purchases:
            count, spent = counts.get(one.customer_id, (0, 0.0))
            counts[one.customer_id] = (count + 1, spent + one.dollar_value)
        return {who for who, (count, spent) in counts.items() if count >= purchases and spent >= dollars}

    def write(self, lake: Path) -> None:
        """The lake: customers in one file, purchases in three."""
        customers = sorted(self.first_purchases.items())
        names = ("customer_id", "date", "number_of_cds", "dollar_value")
        columns = {name: [getattr(one, name) for one in self.purchases] for name in names}
        (lake / "customers").mkdir(parents=True)
        (lake / "purchases").mkdir()
        people = pa.table({"customer_id": [c for c, _ in customers], "first_purchase": [d for _, d in customers]})
        pq.write_table(people, lake / "customers" / "all.parquet", row_group_size=5000)
        table = pa.table(columns)
        for number, year in enumerate(range(0, table.num_rows, 25_000)):
            pq.write_table(table.slice(year, 25_000), lake / "purchases" / f"{number}.parquet", row_group_size=7000)
