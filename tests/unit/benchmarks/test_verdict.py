"""Ratios are taken within a round, against the best of the others; a target holds by both clocks or not at all."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from benchmarks.kept import merged
from benchmarks.parts import Steps
from benchmarks.place import REPORT
from benchmarks.process import Measured
from benchmarks.report import last_line, rendered
from benchmarks.runs import Outcome, Result
from benchmarks.verdict import ratios, verdicts
from benchmarks.work import CSV, FLAT, MEMORY, NDJSON, WORKS, Target


def outcome(
    subject: str, number: int, total: float, work: float | None = None, *, rows: int = 1000, width: int = 100
) -> Outcome:
    measured = Measured(total=total, work=work or total, cpu=total, rss=10**9)
    return Outcome(subject=subject, round=number, rows=rows, measured=measured, bytes=rows * width, files=1)


def peers(total: float, number: int = 0, *, but: dict[str, float] | None = None) -> list[Outcome]:
    """Every peer that writes CSV, with the same time or one of its own."""
    times = {subject.name: total for subject in CSV.subjects if not subject.ours} | (but or {})
    return [outcome(name, number, time) for name, time in times.items()]


def result(name: str, *outcomes: Outcome) -> Result:
    now = datetime(2026, 3, 9, tzinfo=UTC)
    return Result(work=name, when=now, seconds=1, commit="c", load=0, outcomes=list(outcomes), verified={}, missing={})


def test_a_ratio_is_taken_within_its_round_against_the_best() -> None:
    found = result(
        "csv",
        *(outcome("sluice", number, 1.0 + number) for number in range(2)),
        *(one for number in range(2) for one in peers(20.0, number, but={"polars": 10.0})),
    )
    assert ratios(CSV.targets[0], found, "total") == [10.0, 5.0]


def test_fewer_rows_of_a_peer_count_by_its_rate() -> None:
    found = result("csv", outcome("sluice", 0, 1.0, rows=5000), outcome("duckdb", 0, 1.0, rows=1000))
    assert ratios(Target("rate", ("duckdb",), "", at_least=1), found, "total") == [5.0]


@pytest.mark.parametrize(("total", "work"), [(10.0, 1.0), (1.0, 10.0)])
def test_a_target_that_one_clock_misses_is_missed(total: float, work: float) -> None:
    ahead, _ = verdicts(
        CSV, result("csv", outcome("sluice", 0, 10 / total, 10 / work), *peers(50.0, but={"polars": 5}))
    )
    assert not ahead.met


def test_ahead_of_every_peer_is_ahead_of_each() -> None:
    own = outcome("sluice", 0, 10.0, width=80)
    found = {name: verdicts(CSV, result("csv", own, *peers(11.0, but={name: 9.0}))) for name in CSV.targets[0].against}
    assert all([verdict.met for verdict in both] == [False, True] for both in found.values())
    assert [verdict.met for verdict in verdicts(CSV, result("csv", own, *peers(11.0)))] == [True, True]


def test_a_size_has_an_upper_bound() -> None:
    target = next(target for target in NDJSON.targets if target.measure == "size")
    assert target.met(0.8)
    assert not target.met(0.81)


def test_memory_is_bounded_by_a_tenth_of_the_rows_and_by_itself() -> None:
    found = list(verdicts(FLAT, result("flat", outcome("small", 0, 1), outcome("large", 0, 10))))
    assert [verdict.met for verdict in found] == [True, True]


def test_the_last_line_names_what_was_missed_and_what_was_not_measured() -> None:
    line = last_line({"csv": result("csv", outcome("sluice", 0, 10.0, width=80), *peers(9.0))})
    assert line.startswith("bench: missed: CSV gzip: ahead of every peer (0.9, without start 0.9); ")
    assert "NDJSON gzip: ahead of every peer (not measured)" in line


def test_every_target_met_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("benchmarks.report.WORKS", {"csv": CSV})
    own = outcome("sluice", 0, 10.0, width=80)
    assert last_line({"csv": result("csv", own, *peers(100.0))}) == "bench: all targets met"


def test_the_report_has_ratios_before_absolute_figures(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("benchmarks.machine.described", lambda: ["a machine"])
    both = [outcome(name, 0, 100.0) for name in ("duckdb", "duckdb-threads")]
    text = rendered({"csv": result("csv", outcome("sluice", 0, 10.0), *both)}, {})
    assert "| CSV, gzip, the 16 flat columns | DuckDB, one file | 10.00x | 10.00x |" in text
    assert text.index("## Ratios") < text.index("## Absolute")


def test_every_target_is_about_subjects_of_its_work() -> None:
    for work in WORKS.values():
        names = {subject.name for subject in work.subjects}
        assert all({target.subject, *target.against} <= names for target in work.targets)


@pytest.mark.slow
def test_a_work_that_is_measured_alone_keeps_the_others_tables() -> None:
    """Also where their results are not on this machine: the report itself is all that is left of them."""
    both = {
        "csv": result("csv", outcome("sluice", 0, 1.0), outcome("duckdb", 0, 20.0), outcome("duckdb-threads", 0, 10.0)),
        "memory": result("memory", outcome("groups-1000", 0, 1.0), outcome("groups-2000", 0, 5.0)),
    }
    steps = {"csv": Steps(decode=1, encode=1, compress=1, hash=1, megabytes=1)}
    whole = merged("", rendered(both, steps), {CSV, MEMORY})
    again = result("memory", outcome("groups-1000", 0, 1.0), outcome("groups-2000", 0, 2.0))
    alone = merged(whole, rendered({"memory": again}, {}), {MEMORY})
    missed, mended = ([line for line in text.splitlines() if "no longer for each" in line] for text in (whole, alone))
    assert missed != mended
    assert "| **no** |" in missed[0]
    assert [line for line in alone.splitlines() if "CSV" in line or "csv" in line] == [
        line for line in whole.splitlines() if "CSV" in line or "csv" in line
    ]
    assert "## What limits it" in alone
    assert merged(alone, rendered({"memory": again}, {}), {MEMORY}) == alone


def test_the_report_that_is_there_loses_nothing() -> None:
    before = REPORT.read_text(encoding="utf-8")
    alone = merged(before, rendered({"memory": result("memory", outcome("groups-1000", 0, 1.0))}, {}), {MEMORY})
    tables = [line for line in before.splitlines() if line.startswith(("| ", "### "))]
    memory = {MEMORY.title, *(subject.title for subject in MEMORY.subjects), *(t.words for t in MEMORY.targets)}
    kept = {line for line in tables if line.strip("|# ").split(" |")[0] not in memory}
    assert kept <= {*alone.splitlines()}
