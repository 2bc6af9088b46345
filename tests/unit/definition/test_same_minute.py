"""Exports that are due at the same minute: which ones are found, and what it costs to look."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

import pytest

from sluice.cli import main
from sluice.definition.guardrails.same_minute import RULE
from sluice.definition.load import load
from sluice.definition.memory import Memory
from sluice.definition.models.export import DataOutExport


def export(name: str, schedule: Any, **keys: Any) -> DataOutExport:
    values = {"kind": "data-out-export", "name": name, "entities": ["a"], "schedule": schedule, **keys}
    return DataOutExport.model_validate(values)


def said(*exports: DataOutExport) -> str:
    """What is said of them; empty if they are due at different minutes."""
    found = list(RULE.rule({one.name: one for one in exports}))  # type: ignore[attr-defined]
    return " | ".join(f"{name}: {problem.what}; {problem.next_step}" for name, problem in found)


def together(one: Any, other: Any) -> bool:
    return bool(said(export("a", one), export("b", other)))


@pytest.mark.parametrize(
    ("one", "other", "found"),
    [
        ({"daily": "06:00"}, {"daily": "06:00"}, True),
        ({"daily": "06:00"}, {"daily": "06:01"}, False),
        ({"daily": "06:00"}, {"weekly": ["tue"], "at": "06:00"}, True),
        ({"weekly": ["mon"], "at": "06:00"}, {"weekly": ["tue"], "at": "06:00"}, False),
        ({"every": "6 hours"}, {"daily": "18:00"}, True),
        ({"every": "6 hours"}, {"daily": "17:00"}, False),
        ({"monthly": 1, "at": "06:00"}, {"monthly": 2, "at": "06:00"}, False),
        ({"monthly": 1, "at": "06:00"}, {"daily": "06:00"}, True),
        ({"monthly": 31, "at": "06:00"}, {"cron": "0 6 30 4 *"}, True),
        ({"monthly": 31, "at": "06:00"}, {"cron": "0 6 30 5 *"}, False),
        ({"cron": "0 6 * 6 *"}, {"cron": "0 6 * 7 *"}, False),
        ({"cron": "0 6 * * fri#2"}, {"monthly": 14, "at": "06:00"}, True),
        ({"cron": "0 6 * * fri#2"}, {"monthly": 15, "at": "06:00"}, False),
        ({"cron": "0 6 * * L5"}, {"monthly": 25, "at": "06:00"}, True),
        ({"cron": "0 6 * * L5"}, {"monthly": 24, "at": "06:00"}, False),
        ({"cron": "0 6 1 * mon"}, {"weekly": ["mon"], "at": "06:00"}, True),
        ({"daily": "06:00"}, {"daily": "07:00", "timezone": "Europe/Budapest"}, True),
        ({"daily": "06:00"}, {"daily": "06:00", "timezone": "Europe/Budapest"}, False),
        ({"weekly": ["sun"], "at": "23:30"}, {"weekly": ["mon"], "at": "00:30", "timezone": "Europe/Budapest"}, True),
        ({"weekly": ["sun"], "at": "23:30"}, {"weekly": ["sun"], "at": "00:30", "timezone": "Europe/Budapest"}, False),
        ({"weekly": ["mon"], "at": "04:00"}, {"weekly": ["sun"], "at": "23:00", "timezone": "America/New_York"}, True),
        ({"daily": "06:00"}, {"daily": "06:00", "stagger": "30m"}, False),
        ({"daily": "06:00"}, "with-refresh", False),
        ({"daily": "06:00"}, {"once": "2026-12-01T06:00"}, False),
    ],
)
def test_two_exports(one: Any, other: Any, *, found: bool) -> None:
    assert together(one, other) == found
    assert together(other, one) == found


def test_it_is_said_once_with_the_command() -> None:
    exports = [export(name, {"daily": "06:00"}) for name in "dbca"] + [export("e", {"daily": "07:00"})]
    exports += [export(name, {"daily": "08:00"}) for name in "gf"]
    what = "a: 6 exports are due at the same minute as another one, and compete for workers"
    assert said(*exports) == f"{what}; spread them: `sluice schedule a b c d f g --stagger 30m`"


def test_a_long_command_is_cut() -> None:
    exports = [export(f"x{number:02}", {"daily": "06:00"}) for number in range(13)]
    assert "x10 x11 ... --stagger" in said(*exports)
    assert "x10 x11 --stagger" in said(*exports[:12])


def test_an_export_that_is_off_does_not_count() -> None:
    assert not said(export("a", {"daily": "06:00"}), export("b", {"daily": "06:00"}, enabled=False))


def test_a_thousand_schedules_take_a_moment() -> None:
    exports = {f"x{n}": export(f"x{n}", {"cron": f"*/5 {n % 24} {n % 28 + 1} * *"}) for n in range(1000)}
    began = time.process_time()
    list(RULE.rule(exports))  # type: ignore[attr-defined]
    first = time.process_time() - began
    began = time.process_time()
    list(RULE.rule(exports))  # type: ignore[attr-defined]
    assert first < 2
    assert time.process_time() - began < 0.2


@pytest.mark.parametrize("verdict", ["inform", "warn", "off"])
def test_the_verdict_is_the_projects(tmp_path: Path, verdict: str) -> None:
    write(tmp_path, ["a", "b"], verdict)
    loaded = load(tmp_path)
    assert not loaded.errors
    assert (len(loaded.warnings), len(loaded.notes)) == {"inform": (0, 1), "warn": (1, 0), "off": (0, 0)}[verdict]
    for one in (*loaded.warnings, *loaded.notes):
        assert one.place
        assert one.place.file == str(tmp_path / "exports" / "a.yaml")


def test_the_command_does_what_it_says(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    write(tmp_path, ["a", "b", "c"])
    (note,) = load(tmp_path).notes
    _, command, _ = note.next_step.split("`")
    assert main([*command.split()[1:], "--include", str(tmp_path)]) == 0
    assert "3 written" in capsys.readouterr().out
    assert not load(tmp_path).notes


def test_one_changed_export_is_read_alone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The rule is asked about all exports, but no export depends on another one for it."""
    names = [f"x{number:02}" for number in range(50)]
    write(tmp_path, names)
    memory = Memory()
    load(tmp_path, memory=memory)
    checked: set[str] = set()
    keep = Memory.keep
    monkeypatch.setattr(Memory, "keep", lambda self, key, kept: (checked.add(key[2]), keep(self, key, kept)))
    (tmp_path / "exports" / "x07.yaml").write_text(text().replace("06:00", "07:00"))
    loaded = load(tmp_path, memory=memory)
    assert checked == {"x07"}
    assert "49 exports" in loaded.notes[0].what


def text() -> str:
    return '{kind: data-out-export, connection: out, entities: [people], schedule: {daily: "06:00"}}'


def write(folder: Path, names: list[str], verdict: str = "inform") -> None:
    files = {
        "project.yaml": f"guardrails: {{same_minute: '{verdict}'}}",
        "connections/out.yaml": "{type: local, airflow_conn_id: out}",
        "catalog/datasets.yaml": """
people: {kind: profile, key: id, source: {type: parquet, airflow_conn_id: lake, path: people}}
""",
        **{f"exports/{name}.yaml": text() for name in names},
    }
    for name, body in files.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(body)
