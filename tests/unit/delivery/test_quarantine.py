"""Rows that cannot be delivered are rejected with the reason and their place, counted, never sent, never lost."""

from __future__ import annotations

import csv
import gzip
import io
import json
import logging
from collections.abc import Iterator
from pathlib import Path
from typing import Any, cast

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from sluice.delivery.row_rules import quarantine
from sluice.delivery.row_rules.rejecter import Rejecter
from sluice.delivery.row_rules.trial import Refused, Trial
from sluice.errors import FatalError
from sluice.formats import FORMATS
from sluice.mapping.mapper import compile_fields
from tests.builders import World

PEOPLE = pa.table(
    {
        "id": range(1000),
        "name": [f"n{n}" if n % 7 else "中" for n in range(1000)],
        "phone": [None if n % 10 == 0 else "" if n % 10 == 1 else f"+36 {n:06d}" for n in range(1000)],
        "rate": [float("nan") if n % 50 == 2 else n / 2 for n in range(1000)],
    }
)
MEMBERS = [n for n in range(1000) if n >= 100]
FILES = {
    "catalog/datasets.yaml": """
        people:
          kind: profile
          key: id
          source: {type: parquet, airflow_conn_id: lake, path: people}
        """,
    "catalog/segments.yaml": "most: {dataset: people, where: id >= 100}",
    "connections/out.yaml": "{type: local, airflow_conn_id: out}",
}
MOST: dict[str, Any] = {
    "kind": "segment-export",
    "connection": "out",
    "segments": ["most"],
    "fields": [
        "id",
        {"field": "phone", "as": "TEL", "required": True, "mask": {}},
        {"field": "name", "hash": "sha256", "as": "NAME"},
    ],
    "format": {"type": "csv"},
}
ALL: dict[str, Any] = {
    "kind": "dataset-export",
    "connection": "out",
    "datasets": ["people"],
    "mode": "full",
    "format": {"type": "json", "non_finite": "fail"},
    "rejects": {"unfit_values": "reject"},
    "chunks": {"records": 100},
}


@pytest.fixture
def world(tmp_path: Path) -> World:
    world = World(tmp_path)
    world.declare(FILES)
    amend(world, "most")
    amend(world, "all")
    world.dataset("people", PEOPLE, files=3)
    world.refresh("most")
    return world


def amend(world: World, export: str, **more: Any) -> None:
    declared = (MOST if export == "most" else ALL) | more
    world.declare({f"exports/{export}.yaml": json.dumps(declared)})


def quarantined(world: World) -> pa.Table:
    (found,) = (world.root / "sluice_staging").rglob("quarantine/*/*.parquet")
    return pq.read_table(found)


def lines(world: World) -> list[str]:
    parts = sorted(world.root / "out" / name for name in world.delivered() if "part-" in name)
    return [line for part in parts for line in gzip.decompress(part.read_bytes()).decode().splitlines()]


@pytest.mark.slow
def test_rows_without_a_required_field_lie_in_quarantine(world: World, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.WARNING):
        report = world.run("most")
    without = [n for n in MEMBERS if n % 10 < 2]
    assert (report.records, report.rejected) == (len(MEMBERS) - len(without), len(without))
    found = quarantined(world)
    assert found["id"].to_pylist() == without
    assert set(found["sluice_reason"].to_pylist()) == {"the required field `TEL` has no value"}
    (warning,) = report.warnings
    assert warning.startswith(f"most: {len(without)} rows were rejected, and are in the quarantine file ")
    assert f"{len(without)} x the required field `TEL` has no value" in warning
    assert warning in caplog.messages
    sent = {int(row["id"]) for row in csv.DictReader(io.StringIO("\n".join(lines(world))))}
    assert sent == set(MEMBERS) - set(without)


@pytest.mark.slow
def test_a_rejected_row_has_its_place_in_the_source(world: World) -> None:
    world.run("most")
    for row in quarantined(world).to_pylist()[::17]:
        file = pq.ParquetFile(world.root / "lake" / "people" / row["sluice_unit"].rsplit("/", 1)[-1])
        groups = range(row["sluice_slice"], file.num_row_groups)
        assert file.read_row_groups(groups)["id"][row["sluice_row"]].as_py() == row["id"]


@pytest.mark.slow
def test_quarantine_holds_nothing_in_the_clear_that_would_not_be_sent(world: World) -> None:
    form = {"type": "csv", "null": "******0112"}
    amend(world, "most", rejects={"unfit_values": "reject"}, format=form)
    world.run("most")
    found = quarantined(world)
    (row,) = [row for row in found.to_pylist() if row["id"] == 112]
    assert row["TEL"] == "******0112"
    assert "null token" in row["sluice_reason"]
    assert not set(found["NAME"].to_pylist()) & set(PEOPLE["name"].to_pylist())


@pytest.mark.slow
def test_without_rejects_there_is_no_quarantine(world: World) -> None:
    world.dataset("people", PEOPLE.set_column(2, "phone", pa.array(["1"] * 1000)), files=3)
    report = world.run("most")
    assert (report.rejected, report.warnings) == (0, ())
    assert not list((world.root / "sluice_staging").rglob("quarantine/**/*.parquet"))


@pytest.mark.slow
def test_values_that_the_format_cannot_hold_reject_their_rows(world: World) -> None:
    report = world.run("all")
    bad = [n for n in range(1000) if n % 50 == 2]
    assert [json.loads(line)["id"] for line in lines(world)] == [n for n in range(1000) if n % 50 != 2]
    assert (report.records, report.rejected) == (1000 - len(bad), len(bad))
    manifest = json.loads(next((world.root / "out").rglob("manifest-*")).read_bytes())
    assert [part["records"] for part in manifest["exportResults"]] == [100] * 9 + [80]
    assert quarantined(world)["id"].to_pylist() == bad
    assert all("`rate`" in reason for reason in quarantined(world)["sluice_reason"].to_pylist())


@pytest.mark.slow
def test_unless_it_is_declared_such_a_value_fails_the_run(world: World) -> None:
    amend(world, "all", rejects={})
    staged = world.extract("all")
    with pytest.raises(FatalError, match="`rate`"):
        world.upload(staged)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("form", "bad"),
    [
        ({"type": "csv", "encoding": "latin-1"}, {n for n in range(1000) if n % 7 == 0}),
        ({"type": "csv", "quoting": "none", "delimiter": " "}, {n for n in range(1000) if n % 10 > 1}),
        ({"type": "csv", "null": "n1"}, {1}),
        ({"type": "template", "template": r"%1%|%2%+%3%\n"}, {n for n in range(1000) if n % 10 > 1}),
        ({"type": "json"}, set()),
        ({"type": "parquet"}, set()),
    ],
)
def test_each_format_rejects_what_it_cannot_hold_and_nothing_else(
    world: World, form: dict[str, Any], bad: set[int]
) -> None:
    amend(world, "all", format=form)
    report = world.run("all")
    assert (report.records, report.rejected) == (1000 - len(bad), len(bad))
    if bad:
        assert set(quarantined(world)["id"].to_pylist()) == bad


def test_every_format_can_be_tried() -> None:
    schema = pa.schema([("id", pa.int64()), ("name", pa.string())])
    rows = pa.table([[1, 2], ["a", "b"]], schema=schema)
    for name, model in FORMATS.items():
        more = {"template": r"%1%|%2%\n"} if name == "template" else {}
        declared = model.model_validate({"type": name, **more})
        assert not len(Trial(declared, schema).refused(rows).rows)


@pytest.mark.slow
def test_a_broken_row_is_not_replaced_by_an_older_one_of_its_key(world: World) -> None:
    table = pa.table({"id": [500, 500, 501], "name": ["a", "b", "c"], "phone": ["1", None, "3"], "rate": [1.0] * 3})
    world.dataset("people", table)
    for name in ("001", "002"):
        (world.root / "lake" / "people" / f"{name}.parquet").unlink()
    amend(world, "most", unique={"keep": "last"})
    report = world.run("most")
    assert (report.records, report.rejected, report.duplicates) == (1, 1, 1)
    assert quarantined(world)["id"].to_pylist() == [500]
    assert report.feeds["most"].selected == 3


@pytest.mark.slow
def test_a_broken_row_that_a_later_one_of_its_key_replaces_is_a_duplicate(world: World) -> None:
    world.dataset("people", pa.table({"id": [500, 500], "name": ["a", "b"], "phone": [None, "2"], "rate": [1.0] * 2}))
    for name in ("001", "002"):
        (world.root / "lake" / "people" / f"{name}.parquet").unlink()
    amend(world, "most", unique={"keep": "last"})
    report = world.run("most")
    assert (report.records, report.rejected, report.duplicates) == (1, 0, 1)


@pytest.mark.slow
@pytest.mark.parametrize("limit", ["179", "19.9%", "0"])
def test_too_many_fail_the_run_before_anything_is_sent(world: World, limit: str) -> None:
    amend(world, "most", rejects={"max": limit})
    with pytest.raises(FatalError, match=rf"180 of 900 rows cannot be delivered.*max` is {limit}.*180\): the required"):
        world.extract("most")
    assert quarantined(world).num_rows == 180
    assert world.delivered() == []
    with pytest.raises(FatalError):
        world.extract("most")


@pytest.mark.slow
@pytest.mark.parametrize("limit", ["180", "20%"])
def test_as_many_as_are_allowed_do_not(world: World, limit: str) -> None:
    amend(world, "most", rejects={"max": limit})
    assert world.run("most").rejected == 180


@pytest.mark.slow
def test_a_hold_for_rejects_is_released(world: World) -> None:
    amend(world, "most", rejects={"max": 10, "on_exceeded": "hold"})
    with pytest.raises(FatalError, match="the run is held") as caught:
        world.extract("most")
    assert "`sluice run most --release`" in caught.value.next_step
    report = world.run("most", release=True)
    assert report.rejected == 180
    assert any("the operator released the run" in warning for warning in report.warnings)


@pytest.mark.slow
def test_looking_for_unfit_values_ends_where_there_are_too_many(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    amend(world, "all", rejects={"max": 0, "unfit_values": "reject"})
    world.dataset("people", PEOPLE, files=3, row_group=10)
    tried: list[int] = []
    refused = Trial.refused

    def counted(self: Trial, table: pa.Table) -> Iterator[Refused]:
        tried.append(len(table))
        return refused(self, table)

    monkeypatch.setattr(Trial, "refused", counted)
    with pytest.raises(FatalError, match="cannot be delivered"):
        world.extract("all")
    assert 0 < sum(tried) < 1000


@pytest.mark.slow
def test_only_the_last_runs_quarantines_are_kept(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(quarantine, "KEPT", 2)
    kept: list[Any] = []
    for number in range(4):
        world.extract("most", f"run-{number}")
        kept.append(world.plan("most", f"run-{number}").run.id)
    found = {path.parent.name for path in (world.root / "sluice_staging").rglob("quarantine/*/*.parquet")}
    assert len(found) == 2
    assert str(kept[-1]) in found


@pytest.mark.slow
def test_many_reasons_are_counted_together(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(quarantine, "KINDS", 1)
    amend(world, "most", fields=["id", *({"field": name, "required": True} for name in ("name", "phone"))])
    names = ["" if n % 20 == 0 else "x" for n in range(1000)]
    world.dataset("people", PEOPLE.set_column(1, "name", pa.array(names)), files=3)
    (warning,) = world.run("most").warnings
    assert f" x {quarantine.OTHERS}" in warning
    assert len(set(quarantined(world)["sluice_reason"].to_pylist())) == 2


def test_a_slice_that_is_read_in_several_tables_is_one() -> None:
    rows = pa.table({"rate": [1.0, float("nan"), 2.0, float("nan"), 3.0]})
    declared = FORMATS["json"].model_validate({"type": "json", "non_finite": "fail"})
    rejecter = Rejecter(
        cast("Any", None), cast("Any", None), compile_fields(None, rows.schema, dataset="d"), cast("Any", None)
    )
    found = rejecter._unfit(0, iter([rows.slice(0, 3), rows.slice(3)]), Trial(declared, rows.schema))
    assert found.positions.tolist() == [1, 3]
