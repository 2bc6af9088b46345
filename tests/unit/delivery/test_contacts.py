"""Business accounts: a segment of accounts is delivered as the contacts of its members, or as it is."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import pyarrow as pa
import pyarrow.csv
import pytest

from sluice.commands.report import _remarks
from sluice.definition.load import load
from sluice.delivery.preview import preview
from sluice.delivery.report.history import History
from sluice.delivery.steps import explained
from sluice.errors import DefinitionError, Skipped
from sluice.runs.index import Index
from tests.builders import NOW, World

FILES = {
    "catalog/datasets.yaml": """
        company:
          kind: account
          key: id
          source: {type: parquet, airflow_conn_id: lake, path: company}
          contacts: {dataset: person, key: account_id}
        person: {kind: contact, key: id, source: {type: parquet, airflow_conn_id: lake, path: person}}
        """,
    "catalog/segments.yaml": """
        large: {dataset: company, where: staff > 10}
        managers: {dataset: person, where: manager}
        """,
    "connections/mail.yaml": """
        {type: local, airflow_conn_id: out, takes: [contact], format: {type: csv, compression: none}}
        """,
    "connections/ads.yaml": """
        {type: local, airflow_conn_id: out, takes: [account], format: {type: csv, compression: none}}
        """,
    "exports/people.yaml": """
        kind: segment-export
        connection: mail
        segments: [large, managers]
        fields: [id, mail, account_id]
        """,
    "exports/changed.yaml": """
        kind: segment-export
        connection: mail
        segments: [large]
        fields: [{field: id, as: contact}, mail]
        mode: changes
        """,
    "exports/accounts.yaml": "{kind: segment-export, connection: ads, segments: [large], fields: [id, staff]}",
}


@pytest.fixture
def world(tmp_path: Path) -> World:
    world = World(tmp_path)
    world.declare(FILES)
    companies(world, [5, 50, 500, 5000])
    people(world)
    return world


def companies(world: World, staff: list[int]) -> None:
    world.dataset("company", pa.table({"id": pa.array(range(1, len(staff) + 1), pa.int32()), "staff": staff}))
    if (world.root / "lake" / "person").exists():
        world.refresh("large", "managers")


def people(world: World, kind: pa.DataType | None = None) -> None:
    """Person 10 belongs to no company, and company 4 has nobody."""
    account = pa.array([1, 2, 2, 3, None, 1], pa.int64())
    table = pa.table(
        {
            "id": [6, 7, 8, 9, 10, 11],
            "account_id": account if kind is None else account.cast(kind),
            "mail": [f"{name}@x" for name in "fghijk"],
            "manager": [True, False, True, False, True, False],
        }
    )
    world.dataset("person", table, row_group=2)
    world.refresh("large", "managers")


def delivered(world: World, segment: str) -> list[list[object]]:
    paths = [world.root / "out" / name for name in world.delivered() if name.endswith(".csv") and f"{segment}/" in name]
    return sorted(list(row.values()) for path in paths for row in pa.csv.read_csv(path).to_pylist())


def test_the_contacts_of_a_segments_accounts(world: World) -> None:
    report = world.run("people")
    assert delivered(world, "large") == [[7, "g@x", 2], [8, "h@x", 2], [9, "i@x", 3]]
    assert [row[0] for row in delivered(world, "managers")] == [6, 8, 10]
    large, managers = report.feeds["large"], report.feeds["managers"]
    assert (large.accounts, large.written, large.read, large.selected) == (3, 3, 6, 3)
    assert (managers.accounts, managers.written) == (None, 3)


def test_a_target_that_takes_accounts_gets_them(world: World) -> None:
    report = world.run("accounts")
    assert delivered(world, "large") == [[2, 50], [3, 500], [4, 5000]]
    assert report.feeds["large"].accounts is None


def test_the_plan_says_it(world: World) -> None:
    text = explained(world.plan("people"))
    assert "    contacts  person, by their account_id: mail takes no accounts" in text
    assert "members selects the contacts of the accounts in large, as last refreshed" in text
    assert "members selects the members of managers, as last refreshed" in text
    assert "contacts" not in explained(world.plan("accounts"))


def test_changes_are_those_of_the_contacts(world: World) -> None:
    world.run("changed")
    companies(world, [5, 5, 500, 5000])
    world.now = NOW + timedelta(days=1)
    report = world.run("changed", "manual__2")
    (path,) = sorted((world.root / "out").rglob(f"*{report.flow_run_id}*.csv"))
    rows = pa.csv.read_csv(path).to_pylist()
    assert sorted((row["contact"], row["_change"]) for row in rows) == [(7, "removed"), (8, "removed")]


def test_an_account_that_moves_to_another_target_is_a_new_delivery(world: World) -> None:
    """What is delivered depends on what the connection takes: a cleared run does not mix both."""
    before = world.plan("people").definition_hash
    world.declare({"connections/mail.yaml": "{type: local, airflow_conn_id: out, takes: [account, contact]}"})
    world.declare({"exports/people.yaml": "{kind: segment-export, connection: mail, segments: [large], fields: [id]}"})
    plan = world.plan("people")
    assert plan.definition_hash != before
    assert (plan.feeds[0].dataset.name, plan.feeds[0].through) == ("company", None)


@pytest.mark.parametrize(("most", "skipped"), [(2, True), (3, False), (4, False)])
def test_the_limit_counts_contacts(world: World, most: int, skipped: bool) -> None:
    takes = f"takes: [contact], limits: {{records_per_segment: {most}}}"
    world.declare({"connections/mail.yaml": f"{{type: local, airflow_conn_id: out, {takes}}}"})
    if skipped:
        with pytest.raises(Skipped, match="segment large has 3 records"):
            world.run("people")
        assert world.delivered() == []
    else:
        assert world.run("people").records == 6


def test_keys_of_another_type(world: World) -> None:
    people(world, pa.string())
    with pytest.raises(DefinitionError, match="account_id of person is string, but the key of company") as raised:
        world.run("people")
    assert raised.value.subject == ("datasets", "company", "contacts", "key")
    with pytest.raises(DefinitionError, match="account_id of person is string"):
        list(first_rows(world))


def test_a_column_that_does_not_exist(world: World) -> None:
    text = FILES["catalog/datasets.yaml"].replace("key: account_id", "key: acount_id")
    world.declare({"catalog/datasets.yaml": text})
    with pytest.raises(DefinitionError, match="acount_id") as raised:
        world.run("people")
    assert raised.value.nearest == "account_id"
    assert raised.value.subject == ("datasets", "company", "contacts", "key")


def test_a_preview_counts_both(world: World) -> None:
    large, managers = first_rows(world)
    assert (large.accounts, large.rows["id"].to_pylist()) == (3, [7, 8, 9])
    assert (managers.accounts, managers.rows["id"].to_pylist()) == (None, [6, 8, 10])


def first_rows(world: World) -> list:  # type: ignore[type-arg]
    project, plan = load(world.include).project, world.plan("people")
    folder = world.root / "preview"
    folder.mkdir(exist_ok=True)
    return list(preview(project, plan, world, 5, folder, NOW))


def test_both_datasets_are_waited_for(world: World) -> None:
    text = FILES["catalog/datasets.yaml"]
    text = text.replace("kind: account", "refreshed_by: erp\n          kind: account")
    text = text.replace("kind: contact", "refreshed_by: crm, kind: contact")
    world.declare(
        {
            "catalog/datasets.yaml": text,
            "catalog/refreshes.yaml": "{crm: {type: dag, dag_id: crm}, erp: {type: dag, dag_id: erp}}",
        }
    )
    assert world.plan("people").refreshes == ("crm", "erp", "system_refresh")
    assert world.plan("accounts").refreshes == ("erp", "system_refresh")


def test_the_report_keeps_both_counts(world: World) -> None:
    world.run("people")
    (report,) = History(load(world.include).project.settings.staging, "people", world).last(1)
    assert report.feeds["large"].accounts == 3
    index = Index.of(world.plan("people").staging, world)
    index.refresh()
    (record,) = index.history("people", 1).records
    assert list(_remarks(record, report)) == ["large: 3 contacts of 3 accounts"]


def test_without_a_connection_nothing_is_said_about_columns(world: World) -> None:
    """An export without a connection may deliver either, so it is valid."""
    world.declare({"exports/people.yaml": FILES["exports/people.yaml"].replace("        connection: mail\n", "")})
    loaded = load(world.include)
    assert not loaded.errors
    assert list(loaded.project.detached) == ["people"]
