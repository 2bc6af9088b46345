"""Jobs of `spark-submit` that fail in Spark itself. Each starts a Spark of its own; Spark Connect's are in
`tests/contract/engines`."""

from __future__ import annotations

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from sluice.errors import FatalError
from sluice.model.access import FolderAccess
from tests.contract.engines.worlds import SPARK, World
from tests.contract.test_spark_submit import in_spark, lake

__all__ = ["in_spark", "lake"]  # fixtures


def test_an_overflow_is_an_error_that_shows_no_value(
    lake: World, capfd: pytest.CaptureFixture[str], caplog: pytest.LogCaptureFixture
) -> None:
    (lake.folder / "people").mkdir()
    pq.write_table(pa.table({"id": [1], "n": [2**62], "m": [2**62]}), lake.folder / "people" / "1.parquet")
    lake.access["lake"] = FolderAccess(lake.folder)
    with pytest.raises(FatalError, match=r"evaluating the segment failed: [A-Z_.]+ \(SQLSTATE 22003\)") as raised:
        lake.evaluate(where="n * m > 5", engine=SPARK)
    said = "".join(capfd.readouterr()) + caplog.text + raised.value.page()
    assert str(2**62) not in said
    assert raised.value.__cause__ is None


def test_a_job_that_reads_other_partitions_than_the_pinned_ones_stops_the_refresh(lake: World) -> None:
    """Spark takes each byte of a folder's value for a character."""
    below = lake.folder / "people" / "city=Z%C3%BCrich" / "1.parquet"
    below.parent.mkdir(parents=True)
    pq.write_table(pa.table({"id": [1, 2]}), below)
    lake.access["lake"] = FolderAccess(lake.folder)
    with pytest.raises(FatalError, match="reads 2 records in 1 partitions, which are not the 2 that"):
        lake.evaluate(where="id > 5", engine=SPARK)
