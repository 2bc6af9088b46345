"""Whatever names `check` accepts: no two runs of a year share one, or the second of them sends nothing."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from itertools import product
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pytest
import yaml
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from sluice.definition.load import load
from sluice.definition.models.export import Export
from sluice.definition.models.macros import FILE_MACROS
from sluice.definition.models.patterns import DIGITS, Piece, number, optional, overlap, text
from sluice.definition.models.project import Project
from sluice.model.run import Run, Window
from sluice.plan.build import build
from sluice.plan.model import Plan

YEAR = datetime(2026, 1, 1, tzinfo=UTC)
FEEDS = ["a", "a_1", "b"]
FILES = {
    "catalog/datasets.yaml": "\n".join(
        f"{name}: {{kind: profile, key: id, source: {{type: parquet, airflow_conn_id: lake, path: {name}}}}}"
        for name in FEEDS
    ),
    "connections/drop.yaml": "{type: local, airflow_conn_id: out}",
    "connections/below.yaml": "{type: local, airflow_conn_id: out, folder: x}",
}
TIMES = ("%EPOCH%", "%EPOCH_MS%", "%EXPORT_TIME%", "%DATETIME%")
TIMES += tuple(f"%DATETIME({form})%" for form in ("YYYYMMDDHHmm", "YYYYMMDDHH", "YYYYMMDD", "YYYY-MM", "DD_HHMMSS"))
NUMBERS = tuple(f"%{macro}%" for macro in FILE_MACROS)
WORDS = ("%DATASET_ID%", "%EXPORT_NAME%", "_", ".", "-", "1", "x", "a")
any_order = st.lists(st.sampled_from([*TIMES, *NUMBERS, *WORDS, "%RUN_ID%"]), min_size=1, max_size=5).map("".join)
some = st.lists(st.sampled_from([*TIMES, *WORDS]), max_size=2).map("".join)


def likely(unique: str) -> st.SearchStrategy[str]:
    """Names that `check` may accept, and some that it may not."""
    kept = {"run": ["%RUN_ID%"], "second": ["%EPOCH%", "%EPOCH_MS%", "%DATETIME%"]}.get(unique, list(TIMES))
    number = st.sampled_from(["_%PART%", "%SPLIT%", "-%SPLIT%"])
    told = st.tuples(some, st.sampled_from(kept), some, number).map("".join)
    first = st.tuples(st.sampled_from(["%DATASET_ID%%SPLIT%_", "x%SPLIT%_"]), st.sampled_from(kept)).map("".join)
    return st.one_of(told, first, any_order)


folders = st.sampled_from(["/", "x", "%DATASET_ID%", "%DATASET_ID%/%EXPORT_TIME%", "%DATETIME(YYYYMMDD)%"])
splits = st.fixed_dictionaries(
    {
        "before": st.sampled_from(["", ".", "_", "1", "_1"]),
        "bare": st.sampled_from(["never", "single", "first"]),
        "start": st.integers(0, 1),
        "digits": st.integers(1, 3),
    }
)
schedules = st.sampled_from(
    [
        "with-refresh",
        {"every": "1h", "at": "00:30", "start": "2026-01-01"},
        {"daily": "01:30", "timezone": "Europe/Budapest", "start": "2026-01-01"},
        {"daily": "12:00", "start": "2026-01-01"},
        {"weekly": ["mon", "thu"], "start": "2026-01-01"},
        {"cron": "*/20 6 1 * *", "start": "2026-01-01"},
    ]
)


starts = st.lists(st.tuples(st.integers(0, 365 * 86400), st.sampled_from(["any", "tick", "slice"])), max_size=6)


@st.composite
def exports(draw: st.DrawFn) -> Mapping[str, Any]:
    trigger = draw(st.sampled_from([None, ".fin", "_1"]))
    unique = draw(st.sampled_from(["run", "second", "minute", "hour", "day"]))
    names = {"name": draw(likely(unique)), "unique": unique, "split": draw(splits)}
    names |= {"trigger": trigger} if trigger else {}
    names |= {"extension": draw(st.sampled_from(["", "gz", "1"]))} if draw(st.booleans()) else {}
    return {
        "kind": "dataset-export",
        "connection": draw(st.sampled_from(["drop", "below"])),
        "datasets": draw(st.lists(st.sampled_from(FEEDS), min_size=1, max_size=3, unique=True)),
        "mode": "full",
        "folder": draw(folders),
        "schedule": draw(schedules),
        "chunks": draw(st.sampled_from([{"records": 1}, {"bytes": 1000}])),
        "file": names,
    }


def accepted(folder: Path, declared: Sequence[Mapping[str, Any]]) -> Project:
    """The project with the exports that `check` accepts."""
    files = FILES | {f"exports/e{index}.yaml": yaml.safe_dump(export) for index, export in enumerate(declared)}
    for name, body in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(body)
    return load(folder).project


def runs(export: Export, moments: Sequence[tuple[int, str]]) -> list[Run]:
    """Some of the scheduled runs of a year, and others that people start: at any moment, at that of a scheduled run,
    and for slices of time that end at it."""
    ticks: list[datetime] = []
    if export.when and export.when.by_the_clock:
        moment = export.when.ticks.after(YEAR + timedelta(days=85))  # the clocks change on day 88
        while moment is not None and len(ticks) < 12:
            ticks.append(moment)
            moment = export.when.ticks.after(moment)
    found = [Run(export=export.name, run_id=f"scheduled__{at}", export_time=at, run_type="scheduled") for at in ticks]
    for index, (seconds, kind) in enumerate(moments):
        at = ticks[seconds % len(ticks)] if ticks and kind != "any" else YEAR + timedelta(seconds=seconds)
        window = Window(after=at - timedelta(days=1), until=at) if kind == "slice" else None
        found.append(Run(export=export.name, run_id=f"manual__{index}", export_time=at, window=window))
    return list({run.id: run for run in found}.values())


def names(plan: Plan) -> list[set[str]]:
    """The names that a run may send, for each number of files that it may have."""
    cut = ((0, 0), (1, 0), (1, 1), (9, 0), (10, 3), (11, 0)) if plan.chunks.bytes else ((n, 0) for n in range(12))
    numbers = list(cut)
    found = []
    for alone in (False, True):
        for feed in plan.feeds:
            parts = [plan.part_name(feed, *at, alone=alone) for at in (numbers[:1] if alone else numbers)]
            assert len(set(parts)) == len(parts), "two parts of one feed"
            every = [*parts, *plan.triggers(parts)]
            assert len(set(every)) == len(every), "a part and a trigger file"
            found.append({f"{plan.connection.destination.folder}/{name}".lstrip("/") for name in every})
    return found


@pytest.mark.slow
def test_no_two_runs_of_a_year_share_a_name() -> None:
    found = 0

    @settings(max_examples=200, deadline=None, suppress_health_check=list(HealthCheck))
    @given(declared=st.lists(exports(), min_size=1, max_size=2), moments=starts)
    def every(declared: list[Mapping[str, Any]], moments: list[tuple[int, str]]) -> None:
        nonlocal found
        with TemporaryDirectory() as folder:
            project = accepted(Path(folder), declared)
        found += len(project.exports)
        a_year(project, moments)

    every()
    assert found > 60, "hardly any was accepted"


def a_year(project: Project, moments: Sequence[tuple[int, str]]) -> None:
    """Every run of a year in turn."""
    claimed: dict[str, Run] = {}
    sent: dict[str, str] = {}
    for export in project.exports.values():
        for run in runs(export, moments):
            plan = build(project, export.model_copy(update={"mode": "incremental"}) if run.window else export, run)
            patterns = {f"{plan.connection.destination.folder}/{one}" for one in plan.shared_names.values()}
            owners = [claimed.setdefault(pattern, run) for pattern in patterns]
            if any(owner.id != run.id for owner in owners):
                same = [owner for owner in owners if owner.export == run.export and owner.run_type == "scheduled"]
                assert run.run_type != "scheduled" or not same, "a schedule breaks its own promise"
                continue  # refused before it sends anything
            mine = names(plan)
            for each in mine:
                for name in each:
                    assert sent.get(name, str(run.id)) == str(run.id), f"{name} is of two runs"
            sent |= {name: str(run.id) for each in mine for name in each}


pieces = st.lists(
    st.one_of(
        st.text("a1", min_size=1, max_size=2).map(text),
        st.integers(1, 3).map(number),
        st.sampled_from("a1_").map(lambda c: optional([Piece(c), Piece(DIGITS, repeats=True)])),
    ),
    max_size=4,
).map(lambda found: [piece for group in found for piece in group])


def spelled(pattern: Sequence[Piece]) -> str:
    """The pattern as a regular expression."""
    found, ends = "", []
    for index, piece in enumerate(pattern):
        if piece.skips:
            found, ends = found + "(?:", [*ends, index + piece.skips - 1]
        found += f"[{piece.any_of}]{'+' if piece.repeats else ''}"
        found += ")?" * ends.count(index)
    return found


@given(one=pieces, other=pieces)
def test_patterns_overlap_where_a_search_finds_a_name(one: list[Piece], other: list[Piece]) -> None:
    found = overlap(one, other)
    mine, theirs = re.compile(spelled(one)), re.compile(spelled(other))
    if found is not None:
        assert mine.fullmatch(found)
        assert theirs.fullmatch(found)
    else:
        short = ("".join(letters) for length in range(6) for letters in product("a1_", repeat=length))
        assert not any(mine.fullmatch(name) and theirs.fullmatch(name) for name in short)
