"""A suppression list without entries, too old, or of an unknown age ends the run."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from sluice.definition.models.consent import Suppression
from sluice.guardrails.facts import FeedFacts, ListFacts
from sluice.guardrails.suppression_fresh import RULE
from sluice.guardrails.table import described
from tests.builders import NOW, World

SECOND = timedelta(seconds=1)


@pytest.fixture
def world(tmp_path: Path) -> World:
    world = World(tmp_path)
    world.declare(
        {
            "catalog/datasets.yaml": """
                people: {kind: profile, key: id, source: {type: parquet, airflow_conn_id: lake, path: people}}
                stop: {kind: table, key: id, source: {type: parquet, airflow_conn_id: lake, path: stop}}
                """,
            "connections/out.yaml": "{type: local, airflow_conn_id: out, suppress: [{dataset: stop, max_age: 90 min}]}",
            "exports/out.yaml": "{kind: data-out-export, connection: out, entities: [people]}",
        }
    )
    return world


def verdicts(world: World, age: timedelta | None, entries: int = 1, **rule: Any) -> list[str]:
    plan = world.plan("out")
    declared = Suppression.model_validate({"dataset": "stop", **rule})
    listed = ListFacts(declared, entries, None if age is None else NOW - age)
    facts = FeedFacts(plan.feed("people"), 1, lists=[listed], now=NOW)
    return [found.verdict for found in RULE.check(plan, facts)]


@pytest.mark.parametrize(
    ("age", "found"),
    [
        (timedelta(hours=1) - SECOND, []),
        (timedelta(hours=1), []),
        (timedelta(hours=1) + SECOND, ["refuse"]),
        (-timedelta(hours=9), []),
        (None, ["refuse"]),
    ],
)
def test_age(world: World, age: timedelta | None, found: list[str]) -> None:
    assert verdicts(world, age, max_age="1h") == found
    assert verdicts(world, age) == [], "without `max_age`, any age"


@pytest.mark.parametrize(("entries", "found"), [(0, ["refuse"]), (1, []), (2, [])])
def test_entries(world: World, entries: int, found: list[str]) -> None:
    assert verdicts(world, SECOND, entries) == found
    assert verdicts(world, SECOND, entries, allow_empty=True) == []


def test_the_plan_says_it(world: World) -> None:
    (line,) = [line for line in described(world.plan("out")) if line.startswith(RULE.name)]
    assert line.split(maxsplit=1)[1] == "the run fails if stop is empty or stop is older than 90m"
