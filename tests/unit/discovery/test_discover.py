"""What is found among files, as declarations that hold: keys are checked, and what cannot be read is named."""

from __future__ import annotations

from pathlib import Path

import deltalake
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from sluice.cli import main
from sluice.definition.load import load
from sluice.discovery.files import Unreadable, tables_in
from sluice.discovery.found import Found, dataset_name
from sluice.errors import FatalError
from tests.builders import World
from tests.servers.folders import folder_connection

ROWS = 40
CUSTOMER = pa.table({"name": ["Ana"] * ROWS, "customer_id": range(ROWS), "town": ["Pécs"] * ROWS})
CLICKS = pa.table(
    {"customer_id": [n // 4 for n in range(ROWS)], "at": pa.array(range(ROWS), pa.timestamp("us", "UTC"))}
)


@pytest.fixture
def world(tmp_path: Path) -> World:
    return World(tmp_path)


def write(world: World, name: str, table: pa.Table) -> None:
    path = world.root / "lake" / name
    path.parent.mkdir(parents=True, exist_ok=True)
    pq.write_table(table, path)


def connect(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AIRFLOW_CONN_LAKE", folder_connection(world.root / "lake"))


def found(world: World, path: str = "") -> dict[str, Found]:
    tables = list(tables_in(world, "lake", path))
    assert not [one for one in tables if isinstance(one, Unreadable)]
    return {one.name: one for one in tables if isinstance(one, Found)}


def test_each_folder_of_files_is_a_table_with_its_key(world: World) -> None:
    write(world, "customer/0.parquet", CUSTOMER)
    write(world, "customer/1.parquet", CUSTOMER.set_column(1, "customer_id", pa.array(range(ROWS, 2 * ROWS))))
    write(world, "web/clicks/year=2026/month=03/a.parquet", CLICKS)
    tables = found(world)
    assert list(tables) == ["customer", "clicks"]
    customer, clicks = tables.values()
    assert (customer.key.value, customer.kind.value) == ("customer_id", "profile")
    assert customer.key.why == "guessed: unique in the 80 rows"
    assert (clicks.key.value, clicks.kind.value) == ("customer_id", "event")
    assert "its values repeat" in clicks.key.why
    assert clicks.partitions == ("year", "month")
    assert clicks.source == {"type": "parquet", "airflow_conn_id": "lake", "path": "web/clicks"}


def test_a_key_that_repeats_over_two_files_is_none(world: World) -> None:
    for number in range(2):
        write(world, f"customer/{number}.parquet", CUSTOMER)
    assert "its values repeat" in found(world)["customer"].key.why


def test_files_with_other_columns_are_tables_of_their_own(world: World) -> None:
    write(world, "tpch/customer.parquet", CUSTOMER)
    write(world, "tpch/clicks.parquet", CLICKS)
    tables = found(world, "tpch")
    assert {one.source["path"] for one in tables.values()} == {"tpch/customer.parquet", "tpch/clicks.parquet"}
    assert found(world, "tpch/customer.parquet")["customer"].source["path"] == "tpch/customer.parquet"


def test_a_folder_that_holds_other_tables_is_none_itself(world: World) -> None:
    for name in ("all.parquet", "sub/customer/day=1/0.parquet", "sub/customer/day=2/0.parquet"):
        write(world, name, CUSTOMER)
    assert {one.source["path"] for one in found(world).values()} == {"all.parquet", "sub/customer"}


def test_a_delta_table_is_one_and_its_files_are_none(world: World) -> None:
    deltalake.write_deltalake(str(world.root / "lake" / "orders"), CLICKS)
    (orders,) = found(world).values()
    assert orders.source == {"type": "delta", "airflow_conn_id": "lake", "path": "orders"}
    (itself,) = found(world, "orders").values()
    assert itself.source["type"] == "delta"


def test_hidden_and_foreign_files_are_no_tables(world: World) -> None:
    write(world, "_staging/a.parquet", CUSTOMER)
    write(world, "notes/.old/a.parquet", CUSTOMER)
    (world.root / "lake" / "notes" / "read.txt").write_text("x")
    with pytest.raises(FatalError, match="no tables found below"):
        found(world)


def test_what_cannot_be_read_is_named_and_hides_nothing(world: World) -> None:
    write(world, "customer/0.parquet", CUSTOMER)
    (world.root / "lake" / "broken").mkdir()
    (world.root / "lake" / "broken" / "a.parquet").write_bytes(b"PAR1 and nothing")
    (world.root / "lake" / "ice" / "metadata").mkdir(parents=True)
    (world.root / "lake" / "ice" / "metadata" / "v1.metadata.json").write_text("{}")
    broken, customer, ice = tables_in(world, "lake", "")
    assert isinstance(broken, Unreadable)
    assert "a.parquet" in broken.error.page()
    assert isinstance(customer, Found)
    assert isinstance(ice, Unreadable)
    assert "through its catalog" in ice.error.page()


@pytest.mark.parametrize(
    ("table", "name"),
    [("Customer Data", "customer-data"), ("2026_é_x", "dataset-2026_-_x"), ("...", "dataset"), ("A" * 200, "a" * 100)],
)
def test_a_table_name_becomes_a_dataset_name(table: str, name: str) -> None:
    assert dataset_name(table) == name


@pytest.mark.slow
def test_the_command_writes_declarations_that_hold(
    world: World, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    connect(world, monkeypatch)
    odd = pa.table({"yes": range(3), "a: b #": ["x"] * 3})
    for place in ("customer/0.parquet", "a/b/customer/0.parquet"):
        write(world, place, CUSTOMER)
    write(world, "on/0.parquet", odd)
    for place in ("2026", "null", "true"):
        write(world, f"{place}/0.parquet", CUSTOMER)
    include = str(world.include)
    world.include.mkdir()
    assert main(["discover", "lake", ".", "--include", include, "--write"]) == 0
    printed = capsys.readouterr().out
    assert printed.endswith(f"6 datasets added to {world.include / 'catalog' / 'datasets.yaml'}\n")
    loaded = load(world.include)
    assert [error.what for error in loaded.errors if "exports" not in error.what] == []
    assert set(loaded.project.datasets) == {"customer", "customer-2", "on", "dataset-2026", "null", "true"}
    assert loaded.project.datasets["on"].key == "yes"
    before = (world.include / "catalog" / "datasets.yaml").read_bytes()
    assert main(["discover", "lake", ".", "--include", include, "--write"]) == 0
    assert capsys.readouterr().out.count("is already declared") == 6
    assert (world.include / "catalog" / "datasets.yaml").read_bytes() == before


def test_a_catalog_with_an_error_is_left_as_it_is(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    connect(world, monkeypatch)
    write(world, "customer/0.parquet", CUSTOMER)
    world.declare({"catalog/datasets.yaml": "people: [\n"})
    before = (world.include / "catalog" / "datasets.yaml").read_bytes()
    assert main(["discover", "lake", ".", "--include", str(world.include), "--write"]) == 1
    assert (world.include / "catalog" / "datasets.yaml").read_bytes() == before


def test_files_need_a_folder(world: World, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    connect(world, monkeypatch)
    assert main(["discover", "lake", "--include", str(world.include)]) == 1
    assert "`sluice discover lake PATH`" in capsys.readouterr().err
