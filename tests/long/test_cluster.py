"""One export on Celery workers that share no disk; one is killed whole in the middle, with the broker or
without it, and the delivery is exact."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from local.cluster import Cluster


@pytest.mark.parametrize(("workers", "broker"), [(2, False), (3, False), (2, True)])
def test_a_delivery_is_exact_though_a_worker_is_killed(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], workers: int, *, broker: bool
) -> None:
    status = Cluster(tmp_path / "cluster", rows=20_000, workers=workers, broker=broker).run()
    out = capsys.readouterr().out
    last = out.strip().splitlines()[-1]
    assert status == 0, out
    assert re.match(r"exact: 20,\d{3} rows with the checksum [0-9a-f]{32} in \d+ files; worker-\d was killed", last)
    table = dict(re.findall(r"^(worker-\d) +(\d+) ", out, re.M))
    assert len(table) >= 2, "several workers have sent"
    assert ("the broker is killed too" in out) is broker
    files = int(re.findall(r"in (\d+) files", last)[0])
    assert sum(map(int, table.values())) == files
