"""pandas, as Airflow's SqlToS3Operator uses it once its query has answered: one frame, one call of `to_*`.

Reading Parquet is kinder to it than the operator's SQL."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from benchmarks.clock import clock

FAST = {"method": "gzip", "compresslevel": 1}


def ndjson(source: Path, target: Path) -> None:
    """One file."""
    import pandas as pd

    with clock():
        gzip: Any = FAST
        pd.read_parquet(source).to_json(
            target / "all.json.gz", orient="records", lines=True, date_format="iso", compression=gzip
        )


def csv(source: Path, target: Path) -> None:
    """One file of the flat columns."""
    import pandas as pd

    with clock():
        gzip: Any = FAST
        pd.read_parquet(source).to_csv(target / "all.csv.gz", index=False, compression=gzip)


def parquet(source: Path, target: Path) -> None:
    """One file."""
    import pandas as pd

    with clock():
        pd.read_parquet(source).to_parquet(target / "all.parquet", compression="gzip", compression_level=1)
