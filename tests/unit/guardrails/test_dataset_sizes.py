"""How many records a dataset export to Experience Platform may have. The rules are asked with facts, without data."""

from __future__ import annotations

from pathlib import Path

import pytest

from sluice.guardrails import dataset_size, profile_export_size
from sluice.guardrails.facts import Facts, FeedFacts
from sluice.model.guardrail import Finding
from sluice.plan.model import Plan
from sluice.runs.index import Index
from tests.builders import NOW, World

SOURCE = "source: {type: parquet, airflow_conn_id: lake, path: x}"
PLAIN = "format: {type: parquet, compression: none}"
PACKED = "format: {type: parquet}"


def plan_of(folder: Path, *, profile: str = "experience-platform", form: str = "", verdict: str = "warn") -> Plan:
    world = World(folder)
    world.declare(
        {
            "project.yaml": f"guardrails: {{dataset_size: '{verdict}'}}",
            "catalog/datasets.yaml": f"""
                people: {{kind: profile, key: id, {SOURCE}}}
                more: {{kind: profile, key: id, {SOURCE}}}
                clicks: {{kind: event, key: id, {SOURCE}}}
                """,
            "connections/out.yaml": f"{{type: local, airflow_conn_id: out{profile and f', profile: {profile}'}}}",
            "exports/once.yaml": f"""
                kind: dataset-export
                connection: out
                datasets: [people, more, clicks]
                mode: full
                schedule: once
                {form}
                """,
        }
    )
    return world.plan("once")


def of_size(plan: Plan, records: int) -> list[Finding]:
    return list(dataset_size.RULE.check(plan, FeedFacts(plan.feed("clicks"), records)))


def of_run(plan: Plan, **records: int) -> list[Finding]:
    def no_index() -> Index:
        raise AssertionError("not needed")

    feeds = [FeedFacts(plan.feed(name), count) for name, count in records.items()]
    return list(profile_export_size.RULE.check(plan, Facts(NOW, feeds, lambda _: None, no_index)))


MOST = 5_000_000_000


def test_five_billion_records(tmp_path: Path) -> None:
    plan = plan_of(tmp_path)
    assert (of_size(plan, MOST - 1), of_size(plan, MOST)) == ([], [])
    [found] = of_size(plan, MOST + 1)
    assert found.verdict == "warn"
    assert found.what.startswith("dataset clicks has 5,000,000,001 records")


def test_a_project_changes_the_verdict(tmp_path: Path) -> None:
    [found] = of_size(plan_of(tmp_path / "a", verdict="inform"), MOST + 1)
    assert found.verdict == "inform"
    assert of_size(plan_of(tmp_path / "b", verdict="off"), MOST + 1) == []


@pytest.mark.parametrize(
    ("form", "limit"), [("", 10_000_000_000), (PACKED, 10_000_000_000), (PLAIN, 1_000_000)], ids=["json", "gz", "plain"]
)
def test_profiles_of_a_run(tmp_path: Path, form: str, limit: int) -> None:
    """All profiles of the run together. The product exports fewer than the limit."""
    plan = plan_of(tmp_path, form=form)
    assert of_run(plan, people=limit - 2, more=1, clicks=limit) == []
    for records in (limit, limit + 1):
        [found] = of_run(plan, people=records - 1, more=1, clicks=5)
        assert found.verdict == "refuse"
        assert f"the run has {records:,} profiles" in found.what


def test_other_connections_have_no_such_limits(tmp_path: Path) -> None:
    plan = plan_of(tmp_path, profile="", form=PLAIN)
    assert of_size(plan, 2 * MOST) == []
    assert of_run(plan, people=2 * MOST * MOST) == []


def test_plans_name_the_rules_that_apply(tmp_path: Path) -> None:
    here, there = plan_of(tmp_path / "a", form=PLAIN), plan_of(tmp_path / "b", profile="")
    assert dataset_size.RULE.describe(here) == "the run warns if a dataset has more than 5,000,000,000 records"
    says = "the run fails unless its files have fewer than 1,000,000 profiles"
    assert profile_export_size.RULE.describe(here) == says
    assert (dataset_size.RULE.describe(there), profile_export_size.RULE.describe(there)) == (None, None)
