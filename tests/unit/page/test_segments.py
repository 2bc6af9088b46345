"""The segments that a form offers for a connection: whether they are eligible, and what the guardrails say of their
sizes."""

from __future__ import annotations

from typing import Any

import pytest

from sluice.page import members as counting
from sluice.page import world as worlds
from sluice.page.dependencies import _edges, uses
from tests.builders import NOW
from tests.pages import ANNA, VERA, Page

pytestmark = pytest.mark.slow

FILES = {
    "catalog/datasets.yaml": """\
orders: {kind: event, key: id, source: {type: parquet, airflow_conn_id: lake, path: orders}}
customers: {kind: profile, key: id, source: {type: parquet, airflow_conn_id: lake, path: customers}}
person: {kind: contact, key: id, source: {type: parquet, airflow_conn_id: lake, path: person}}
shop: {kind: account, key: id, source: {type: parquet, airflow_conn_id: lake, path: shop}}
company:
  kind: account
  key: id
  source: {type: parquet, airflow_conn_id: lake, path: company}
  contacts: {dataset: person, key: account_id}
""",
    "catalog/segments.yaml": """\
rich: {dataset: customers, where: id > 1}
large: {dataset: company, where: id > 1}
corner: {dataset: shop, where: id > 1}
""",
    "connections/own.yaml": """\
type: local
airflow_conn_id: out
shared_with: [marketing]
takes: [profile, contact]
limits: {records_per_segment: 1000, least_records_per_segment: 10}
""",
}


@pytest.fixture
def counted(page: Page, monkeypatch: pytest.MonkeyPatch) -> Page:
    """A page whose segments all have 900 members."""
    for name, text in FILES.items():
        (page.include / name).write_text(text)
    resize(page, monkeypatch, 900)
    page.world.changed()
    return page


def resize(page: Page, monkeypatch: pytest.MonkeyPatch, records: int) -> None:
    count = counting.Members(records, None, NOW)
    monkeypatch.setattr(worlds, "members_of", lambda names, *_: dict.fromkeys(names, count))
    page.world._members.forget()


def segments(page: Page, actor: Any = ANNA, **query: str) -> dict[str, dict[str, Any]]:
    return {one["name"]: one for one in page.get("/catalog/segments", actor, **query).json()}


def test_only_what_the_connection_takes_is_eligible(counted: Page) -> None:
    found = segments(counted, connection="own")
    assert {name: one["eligible"] for name, one in found.items()} == {"rich": True, "large": True, "corner": False}
    assert {name: one["delivers"] for name, one in found.items()} == {
        "rich": "customers",
        "large": "person",
        "corner": "shop",
    }
    assert all(one["eligible"] and not one["findings"] for one in segments(counted).values())
    assert segments(counted)["large"]["delivers"] == "company"


@pytest.mark.parametrize(
    ("records", "verdict", "says"),
    [
        (9, "skip", "segment rich has 9 records, but connection own accepts none with fewer than 10"),
        (10, "", ""),
        (899, "", ""),
        (900, "warn", "segment rich has 900 records, 90 % of the 1,000 that connection own accepts per segment"),
        (1000, "warn", "segment rich has 1,000 records, 100 % of the 1,000 that connection own accepts per segment"),
        (1001, "skip", "segment rich has 1,001 records, but connection own accepts 1,000 per segment"),
    ],
)
def test_the_guardrails_of_runs_speak(
    counted: Page, monkeypatch: pytest.MonkeyPatch, records: int, verdict: str, says: str
) -> None:
    resize(counted, monkeypatch, records)
    found = segments(counted, connection="own")
    assert found["rich"]["findings"] == ([{"verdict": verdict, "says": says}] if verdict else [])
    assert found["rich"]["members"] == records


def test_a_segment_that_an_export_would_split(counted: Page, monkeypatch: pytest.MonkeyPatch) -> None:
    resize(counted, monkeypatch, 2001)
    found = segments(counted, connection="own", split="true")
    says = "segment rich has 2,001 records, and connection own accepts 1,000 per segment: it is split into 3"
    assert found["rich"]["findings"] == [{"verdict": "inform", "says": f"{says}, rich to rich-3"}]


def test_nothing_is_said_of_accounts_whose_contacts_are_not_counted(counted: Page) -> None:
    assert segments(counted, connection="own")["large"]["findings"] == []


def test_both_datasets_are_in_use(counted: Page) -> None:
    text = "kind: segment-export\nconnection: own\nsegments: [large]\nfields: [id]\n"
    (counted.include / "exports/people.yaml").write_text(text)
    counted.world.changed()
    used = uses(counted.world.project)
    assert [used.exports("dataset", name) for name in ("company", "person", "shop")] == [["people"], ["people"], []]
    edges = {(edge.source, edge.to) for edge in _edges(counted.world.project)}
    assert {("dataset/person", "export/people"), ("segment/large", "export/people")} <= edges


def test_limits_of_a_connection_that_is_not_shared_stay_hidden(counted: Page) -> None:
    for actor, name in ((VERA, "own"), (ANNA, "none")):
        found = segments(counted, actor, connection=name)
        assert all(one["eligible"] and not one["findings"] for one in found.values())
