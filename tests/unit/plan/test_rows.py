"""What the plan says of the rows, and that it survives staging."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from sluice.definition.models.rows import allowed
from sluice.plan.explain import explain
from sluice.plan.model import Plan
from tests.builders import World


@pytest.fixture
def world(tmp_path: Path) -> World:
    world = World(tmp_path)
    world.declare(
        {
            "catalog/datasets.yaml": """
                people: {kind: profile, key: id, source: {type: parquet, airflow_conn_id: lake, path: people}}
                """,
            "connections/out.yaml": "{type: local, airflow_conn_id: out}",
        }
    )
    return world


def plan(world: World, **more: Any) -> Plan:
    declared = {"kind": "data-out-export", "connection": "out", "entities": ["people"], **more}
    world.declare({"exports/people.yaml": json.dumps(declared)})
    return world.plan("people")


def test_a_plan_with_rules_for_rows_survives_staging(world: World) -> None:
    found = plan(
        world,
        unique={"by": ["id", "mail"], "keep": "first", "order": "at"},
        rejects={"max": "2.5 %", "on_exceeded": "hold", "unfit_values": "reject"},
        expect={"min_records": 1, "max_deviation": "12.5%", "on_breach": "warn"},
        when_empty="skip",
    )
    assert Plan.model_validate_json(found.model_dump_json(by_alias=True)) == found


def test_the_plan_shows_empty_files(world: World) -> None:
    line = "  if empty    an empty file for each feed without rows"
    assert line in explain(plan(world, when_empty="file")).splitlines()
    assert "if empty" not in explain(plan(world))


@pytest.mark.parametrize(
    ("amount", "rows", "most"),
    [
        ("0", 100, 0),
        ("100", 7, 100),
        ("1%", 100, 1),
        ("1 %", 199, 1),
        ("0.1%", 999, 0),
        ("100%", 7, 7),
        ("12.5%", 8, 1),
        ("0.29%", 10_000, 29),
        ("0.57%", 10_000, 57),
    ],
)
def test_how_many_rows_an_amount_is(amount: str, rows: int, most: int) -> None:
    assert allowed(amount, rows) == most
