"""The forecast for many workers: a model whose constants are those of the code and of the results."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from benchmarks import simulate
from sluice.destinations.s3 import S3
from sluice.model.manifest import ExportResult
from tests.servers.docs import filled

ROOT = Path(__file__).parents[3]


def test_the_page_holds_the_table() -> None:
    """`make simulate` writes it."""
    text = simulate.PAGE.read_text()
    assert filled(text, "simulation", simulate.table()) == text


def test_the_costs_are_the_measured_ones() -> None:
    results = (ROOT / "benchmarks/RESULTS.md").read_text()
    (line,) = re.findall(r"^\| Sluice \| 5,000,000 \|.*\| ([\d.]+) \| [\d,]+ \| ([\d.]+) \| 20 ", results, re.M)[:1]
    cpu, megabytes = map(float, line)
    assert pytest.approx(cpu / 5e6, rel=0.2) == simulate.ROW
    assert pytest.approx(megabytes * 1e6 / 5e6, rel=0.2) == simulate.SENT


def test_the_manifests_part_and_the_piece_are_those_of_the_code() -> None:
    part = ExportResult(
        sinkPath="/out/lineitem/exportTime=202611270715",
        name="part-00055-tid-921683893634076768-42349a9e-2db8-5c36-8dfe-63c62af80fe4-0-1-c000.json.gz",
        size=31_000_000,
        feed="lineitem",
        number=55,
        records=250_000,
        sha256="0" * 64,
    )
    assert pytest.approx(len(part.model_dump_json(indent=3)), rel=0.2) == simulate.PART
    assert S3.model_fields["piece_mib"].default * 2**20 == simulate.PIECE


def test_more_workers_are_faster_until_something_else_limits_them() -> None:
    every = [simulate.forecast(workers) for workers in simulate.WORKERS]
    assert sorted((one.total for one in every), reverse=True) == [one.total for one in every]
    assert [one.first for one in every][:3] == ["the workers' cores"] * 3
    assert every[-1].first != "the workers' cores"
    sixteen = every[2]
    assert 12 < every[0].total / sixteen.total < 16


def test_a_task_waits_for_a_free_worker_and_for_its_start() -> None:
    assert simulate._played(2, [10.0] * 4) == pytest.approx(20 + max(simulate.API, simulate.SCHEDULER))
    assert simulate._played(1000, [0.0] * 100) == pytest.approx(99 * simulate.API)
