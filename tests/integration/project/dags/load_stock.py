"""A user's own airflow dag: it writes a dataset again, and takes until the file `go` is there if it is told to."""

from __future__ import annotations

import os
import time
from pathlib import Path
from typing import Any

from airflow.sdk import DAG, Param, task
from airflow.sdk.exceptions import AirflowFailException

with DAG("load_stock", schedule=None, params={"rows": Param(1), "waits": Param(False), "fails": Param(False)}) as dag:

    @task(retries=2, retry_delay=1)  # a busy machine may not get a task started in time
    def load(params: dict[str, Any] | None = None) -> None:
        import pyarrow as pa
        import pyarrow.parquet as pq

        assert params
        stock = Path(os.environ["SLUICE_HOME"]) / "lake" / "stock"
        while params["waits"] and not (stock.parent / "go").exists():
            time.sleep(0.5)
        if params["fails"]:
            raise AirflowFailException("as asked")
        rows = pa.table({"id": list(range(params["rows"]))})
        pq.write_table(rows, stock / "0.parquet")

    load()
