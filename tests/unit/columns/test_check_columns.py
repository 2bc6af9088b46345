"""Columns against data: what is asked of sources, how often, and what is said where they do not answer."""

from __future__ import annotations

import sqlite3
import threading
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest

from sluice.cli import main
from sluice.columns import schemas
from sluice.columns.check import Checked, check_columns
from sluice.columns.schemas import read_schemas
from sluice.definition.load import load
from sluice.model.access import SqlAccess
from sluice.sources import parquet
from sluice.sources.base import Columns
from sluice.sources.parquet import ParquetSource
from tests.builders import World

DATASETS = """
    people: {kind: profile, key: id, source: {type: parquet, airflow_conn_id: lake, path: people}}
    events: {kind: event, key: id, source: {type: parquet, airflow_conn_id: lake, path: events}}
    """
PEOPLE = pa.table({"id": [1], "name": ["x"]})


@pytest.fixture
def world(tmp_path: Path) -> World:
    world = World(tmp_path)
    world.declare(
        {
            "catalog/datasets.yaml": DATASETS,
            "catalog/segments.yaml": "all: {dataset: people, where: id > 0}",
            "connections/out.yaml": "{type: local, airflow_conn_id: out}",
        }
    )
    (world.include / "exports").mkdir(exist_ok=True)  # a test may declare none
    world.dataset("people", PEOPLE)
    world.dataset("events", pa.table({"id": [1]}))
    return world


def export(fields: str, more: str = "") -> str:
    return f"{{kind: segment-export, connection: out, segments: [all], fields: {fields}{more}}}"


def checked(world: World, *names: str) -> Checked:
    loaded = load(world.include)
    assert not loaded.errors
    return check_columns(loaded.project, world.include, names or ("people", "events"), world)


@pytest.mark.slow
def test_a_thousand_exports_read_a_schema_once(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    world.declare({f"exports/e{n}.yaml": export(f"[id, {{sql: upper(nam), as: n{n % 3}}}]") for n in range(1000)})
    asked: list[str] = []
    own = ParquetSource.columns
    monkeypatch.setattr(ParquetSource, "columns", lambda self: (asked.append(self._dataset), own(self))[1])
    found = checked(world)
    assert sorted(asked) == ["events", "people"]
    assert len(found.errors) == 1000
    assert found.errors[0].nearest == "name"
    assert found.broken == frozenset(f"e{n}" for n in range(1000))


def test_a_source_that_does_not_answer_is_told_and_not_asked_again(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    never, asked = threading.Event(), []
    monkeypatch.setattr(schemas, "_AT_ONCE", 1)
    monkeypatch.setattr(ParquetSource, "columns", lambda self: (asked.append(self._dataset), never.wait())[1])
    datasets = load(world.include).project.datasets
    found = read_schemas([datasets["people"], datasets["events"]], world, deadline=0.2)
    never.set()
    assert asked == ["people"]
    assert found.known == {}
    assert "did not return its columns within 0.2 seconds" in found.unread["people"].page()
    assert "has already timed out" in found.unread["events"].page()


@pytest.mark.slow
def test_a_source_that_panics_does_not_hide_the_others(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    def columns(self: ParquetSource) -> Columns:
        if self._dataset == "events":
            raise KeyboardInterrupt("a panic")
        return Columns(PEOPLE.schema)

    monkeypatch.setattr(ParquetSource, "columns", columns)
    found = checked(world)
    assert found.looked == 1
    assert "events: its columns cannot be read: KeyboardInterrupt: a panic" in found.unread[0].page()
    assert str(found.unread[0].place).endswith("datasets.yaml:3:40")


def test_of_very_many_files_a_column_that_none_of_some_has_is_a_warning(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(parquet, "_LOOKED", 2)
    world.declare({"exports/daily.yaml": export("[id, email]")})
    world.dataset("people", pa.table({"id": [1, 2, 3]}), files=3)
    found = checked(world)
    assert found.errors == ()
    assert "no column `email` in the files that were checked" in found.warnings[0].page()


def test_the_first_and_the_last_file_are_among_those_looked_at() -> None:
    names = [f"{n:04d}" for n in range(1000)]
    some = parquet._spread(names, 256)
    assert (len(set(some)), some[0], some[-1]) == (256, "0000", "0999")
    assert parquet._spread(names, 1000) == names


@pytest.mark.slow
def test_a_database_of_unknown_types_is_asked_for_names_alone(world: World) -> None:
    path = world.root / "crm.sqlite"
    with sqlite3.connect(path) as database:
        database.execute("create table people (id, name)")
    world.extra["crm"] = SqlAccess(f"sqlite:///{path}", "sqlite", lambda: sqlite3.connect(path))
    source = "{type: sql, airflow_conn_id: crm, table: people}"
    world.declare(
        {
            "catalog/datasets.yaml": f"people: {{kind: profile, key: id, source: {source}}}",
            "catalog/segments.yaml": "all: {dataset: people, where: \"date_part('year', name) > 1\"}",
            "exports/daily.yaml": export("[id, {sql: epoch(name), as: a}, {sql: upper(nam), as: b}]"),
        }
    )
    found = checked(world, "people")
    assert [error.what for error in found.errors] == ["the dataset `people` has no column `nam`"]


@pytest.mark.slow
def test_what_a_default_of_the_project_names_is_shown_there(world: World) -> None:
    world.declare({"project.yaml": "defaults: {unique: {by: [nam]}}", "exports/daily.yaml": export("[id]")})
    (error,) = checked(world).errors
    assert str(error.place).endswith("project.yaml:1:26")


def test_changes_and_keys_of_segments_are_checked_with_the_datasets_key(world: World) -> None:
    world.declare(
        {
            "catalog/datasets.yaml": DATASETS.replace("key: id", "key: idd", 1),
            "exports/daily.yaml": export("[name, idd]", ", mode: changes"),
        }
    )
    found = checked(world)
    assert [str(error.place).rpartition("/")[2] for error in found.errors] == ["datasets.yaml:2:30", "daily.yaml:1:73"]


def test_a_column_that_sql_cannot_use_is_reported_where_a_segment_names_it(world: World) -> None:
    world.dataset("people", PEOPLE.append_column("score", pa.array([1], pa.float16())))
    world.declare(
        {"catalog/segments.yaml": "all: {dataset: people, where: id > 0}\nhigh: {dataset: people, where: score > 0}"}
    )
    (error,) = checked(world).errors
    assert (str(error.place).rpartition("/")[2], error.what) == (
        "segments.yaml:2:32",
        "column `score` is of type halffloat, which SQL cannot use",
    )


class TestCommand:
    """Which datasets `sluice check` looks at, and what it makes of those that it cannot."""

    @pytest.fixture(autouse=True)
    def project(self, world: World, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.chdir(world.root)
        monkeypatch.setattr("sluice.where.CHECKOUT", world.root)
        for conn_id, path in (("LAKE", "lake"), ("OUT", "out")):
            monkeypatch.setenv(f"AIRFLOW_CONN_{conn_id}", f'{{"conn_type": "fs", "extra": {{"path": "{path}"}}}}')
        monkeypatch.setenv("AIRFLOW_CONN_CRM", "postgres://someone:secret-word@127.0.0.1:1/crm")

    @pytest.fixture
    def remote(self, world: World) -> None:
        source = "{type: sql, airflow_conn_id: crm, table: people}"
        world.declare(
            {
                "catalog/datasets/more.yaml": f"leads: {{kind: contact, key: id, source: {source}}}",
                "exports/leads.yaml": "{kind: data-out-export, connection: out, entities: [leads]}",
            }
        )

    def said(self, capsys: pytest.CaptureFixture[str], *arguments: str) -> tuple[int, str, str]:
        status = main(["check", *arguments])
        printed = capsys.readouterr()
        return status, printed.out, printed.err

    @pytest.mark.slow
    @pytest.mark.usefixtures("remote")
    def test_without_connect_only_local_data_is_looked_at(self, capsys: Any) -> None:
        status, out, err = self.said(capsys)
        assert (status, err) == (0, "")
        assert out.endswith("0 errors\n")

    @pytest.mark.slow
    @pytest.mark.usefixtures("remote")
    @pytest.mark.parametrize("arguments", [["--connect"], ["--connect", "out"]], ids=["all", "delivering"])
    def test_with_connect_a_source_out_of_reach_is_an_error_of_its_own(self, capsys: Any, arguments: list[str]) -> None:
        status, out, err = self.said(capsys, *arguments)
        assert status == 1
        assert "1 error\n" in out
        assert "cannot run" not in out
        assert "datasets/more.yaml:1:41  dataset leads: connection crm: " in err
        assert "\n  next: check that the source can be reached from this machine, then run the command again\n" in err
        assert "secret-word" not in err
        assert "out: delivers" in out

    def test_a_lake_that_is_not_there_yet_is_a_warning_and_with_connect_an_error(
        self, world: World, capsys: Any
    ) -> None:
        (world.root / "lake").rename(world.root / "elsewhere")
        status, out, err = self.said(capsys)
        assert (status, out.endswith("0 errors, 1 warning\n")) == (0, True)
        assert "warning: " in err
        assert "the columns of events, people are not checked" in err
        status, out, err = self.said(capsys, "--connect")
        assert (status, "1 error\n" in out, "warning" in err) == (1, True, False)
