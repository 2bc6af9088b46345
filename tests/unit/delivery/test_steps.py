"""One list of steps with two readers: `sluice plan` prints those that `extract` executes."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest

from sluice.cli import main
from sluice.delivery import steps
from sluice.delivery.report.report import Report
from sluice.delivery.steps import described
from sluice.model.access import SecretAccess
from sluice.plan.model import Plan
from tests.builders import World

pytestmark = pytest.mark.slow  # each plan is run

FILES = {
    "catalog/datasets.yaml": """
        people: {kind: profile, key: id, source: {type: parquet, airflow_conn_id: lake, path: people}}
        """,
    "catalog/segments.yaml": "{all: {dataset: people, where: id >= 0}, few: {dataset: people, where: id < 3}}",
    "connections/out.yaml": "{type: local, airflow_conn_id: out, limits: {records_per_segment: 400}}",
    "exports/plain.yaml": "{kind: data-out-export, connection: out, entities: [people]}",
    "exports/added.yaml": """
        {kind: dataset-export, connection: out, datasets: [people], expect: {min_records: 1}, when_empty: refuse}
        """,
    "exports/segments.yaml": """
        kind: segment-export
        connection: out
        segments: [all, few]
        fields:
          - {field: id, hash: {type: sha256, salt_conn_id: acme_salt}}
          - {field: mail, required: true}
        format: {type: csv}
        mode: changes
        unique: {by: [mail], keep: first, order: at}
        rejects: {max: 50%, on_exceeded: hold, unfit_values: reject}
        expect: {max_records: 400, on_breach: warn}
        when_empty: skip
        """,
}
PEOPLE = pa.table({"id": range(6), "mail": ["a", "a", None, "c", "d", "d"], "at": range(6)})
FEED = ["pin", "members", "unique", "rejects", "guards", "changes"]
TAKEN = {
    "plain": [("people", "pin"), ("", "guards")],
    "added": [("people", "pin"), ("people", "added"), ("", "guards")],
    "segments": [
        ("", "salts"),
        *(("all", name) for name in FEED),
        *(("few", name) for name in FEED),
        ("", "guards"),
    ],
}


@pytest.fixture
def world(tmp_path: Path) -> World:
    world = World(tmp_path, extra={"acme_salt": SecretAccess(b"salt")})
    world.declare(FILES)
    world.dataset("people", PEOPLE)
    world.refresh("all", "few")
    return world


def printed(world: World, export: str, capsys: pytest.CaptureFixture[str]) -> list[tuple[str, str]]:
    """The feed and the name of each step that `sluice plan` prints: feeds stand on lines of their own."""
    assert main(["plan", export, "--include", str(world.include)]) == 0
    found, feed = [], ""
    for line in capsys.readouterr().out.partition("\n  extract\n")[2].partition("\n  guardrails\n")[0].splitlines():
        name, _, sentence = line.strip().partition(" ")
        if not sentence:
            feed = name
        else:
            found.append((feed if line.startswith("      ") else "", name))
    return found


def executed(
    world: World, export: str, monkeypatch: pytest.MonkeyPatch, run_id: str = "manual__1"
) -> tuple[Report, list[tuple[str, str]]]:
    """A run's report, and its steps as they are applied."""
    ran: list[tuple[str, str]] = []

    def noted(step: Any) -> Any:
        def apply(work: Any) -> None:
            ran.append((work.feed.name if hasattr(work, "feed") else "", step.name))
            step.apply(work)

        return replace(step, apply=apply)

    with monkeypatch.context() as patched:
        for name in ("FIRST", "EACH_FEED", "LAST"):
            patched.setattr(steps, name, tuple(map(noted, getattr(steps, name))))
        return world.run(export, run_id), ran


@pytest.mark.parametrize("export", TAKEN)
def test_the_steps_that_are_printed_are_those_that_run(
    world: World, export: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert printed(world, export, capsys) == TAKEN[export]
    assert executed(world, export, monkeypatch)[1] == TAKEN[export]


@pytest.mark.slow
def test_a_step_that_is_left_out_is_neither_printed_nor_run(
    world: World, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    counts = world.run("segments", "manual__1").feeds["all"]
    assert (counts.duplicates, counts.rejected, counts.written) == (2, 1, 3)
    monkeypatch.setattr(steps, "EACH_FEED", tuple(step for step in steps.EACH_FEED if step.name != "unique"))
    left = [step for step in TAKEN["segments"] if step[1] != "unique"]
    assert printed(world, "segments", capsys) == left
    report, ran = executed(world, "segments", monkeypatch, "manual__2")
    assert ran == left
    assert report.feeds["all"].duplicates == 0


def test_an_earlier_attempt_is_kept_as_it_is(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    world.extract("added")
    _, ran = executed(world, "added", monkeypatch)
    assert ran == [("", "guards")]


@pytest.fixture
def sentences(world: World) -> Callable[..., list[str]]:
    """The steps of an export that is declared with these keys, for its one feed."""

    def of(**more: Any) -> list[str]:
        declared = {"kind": "data-out-export", "connection": "out", "entities": ["people"], **more}
        world.declare({"exports/people.yaml": json.dumps(declared)})
        return [line.strip() for line in described(world.plan("people"))]

    return of


def test_a_step_says_what_is_declared(world: World, sentences: Callable[..., list[str]]) -> None:
    assert sentences() == [
        "extract",
        "people",
        "pin     pins the data of people",
        "guards    schema-change",
        "guardrails",
        "schema-change             the run warns if a column is new, is gone or has another type",
    ]
    lines = sentences(
        unique={"by": ["id", "mail"], "keep": "first", "order": "at"},
        rejects={"max": "2.5 %", "on_exceeded": "hold", "unfit_values": "reject"},
        expect={"min_records": 1, "max_deviation": "12.5%", "on_breach": "warn"},
        when_empty="skip",
    )
    assert "unique  keeps the first row of each id, mail, in the order of at" in lines
    assert "rejects moves rows with a value that csv cannot hold to the quarantine file" in lines
    assert "guards    empty-run, expected-records, schema-change" in lines
    assert "rejected-rows             the run is held if more than 2.5 % of a feed's rows are rejected" in lines
    assert "empty-run                 the run is skipped if there are no records" in lines
    assert "expected-records          the run warns unless each feed has min_records 1, max_deviation 12.5%" in lines
    assert "unique  keeps the last row of each id, in the data's own order" in sentences(unique={})
    assert "empty-run                 the run fails if there are no records" in sentences(when_empty="refuse")
    assert sentences(when_empty="file") == sentences()
    text = list(described(world.plan("segments")))
    assert text[:3] == ["  extract", "    salts     reads the salts of hashes: acme_salt", "    all"]
    assert text[4] == "      members selects the members of all, as last refreshed"
    assert text[6].startswith("      rejects moves rows without mail and rows with a value that csv cannot hold to")
    assert text[7] == "      guards  rejected-rows, records-per-segment, near-limit"
    assert "    records-per-segment       the run is skipped if a segment has more than 400 records" in text


def test_what_a_run_is_asked_for_is_said(world: World) -> None:
    def added(**run: object) -> str:
        return next(line.strip() for line in described(world.plan("added", **run)) if "added " in line)

    assert added() == "added   selects the rows that were added since the last delivery, by files"
    assert added(mode="full") == "added   selects every row, and records the position for the next run, by files"
    window = {"after": "2026-03-01T00:00:00Z", "until": "2026-03-02T00:00:00Z"}
    assert "selects the rows that were added in " in added(window=window)
    full: Plan = world.plan("segments", mode="full")
    assert "takes every row as added, and remembers each for the next delivery" in "\n".join(described(full))
