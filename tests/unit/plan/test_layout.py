"""Folders, part names and the manifest's place."""

import re
from datetime import UTC, datetime
from pathlib import Path

import pytest

from sluice.definition.macros import MACROS
from sluice.errors import DefinitionError
from sluice.plan.explain import explain
from sluice.plan.layout import format_time
from sluice.plan.model import Plan
from tests.builders import World

TIME = datetime(2026, 3, 9, 4, 5, 6, tzinfo=UTC)


@pytest.mark.parametrize(
    ("pattern", "text"),
    [
        ("YYYYMMdd_HHmmss", "20260309_040506"),
        ("yyyyMMdd_HHmmss", "20260309_040506"),
        ("YYYYMMDD_HHMM", "20260309_0405"),
        ("DD.MM.YYYY", "09.03.2026"),
        ("plain", "plain"),
    ],
)
def test_times_are_spelled_by_the_products_letters(pattern: str, text: str) -> None:
    assert format_time(pattern, TIME) == text


FILES = {
    "project.yaml": "{organization: acme, sandbox: dev}",
    "catalog/datasets.yaml": """
        people: {kind: profile, key: id, id: ds-7, source: {type: parquet, airflow_conn_id: lake, path: people}}
        towns: {kind: event, key: id, source: {type: parquet, airflow_conn_id: lake, path: towns}}
        """,
    "catalog/segments.yaml": "{vips: {dataset: people, where: id < 3}}",
    "connections/drop.yaml": "{type: local, airflow_conn_id: out, title: Partner}",
    "exports/all.yaml": "{kind: dataset-export, connection: drop, datasets: [people, towns]}",
    "exports/vips.yaml": "{kind: segment-export, connection: drop, segments: [vips], fields: [id]}",
}


@pytest.fixture
def world(tmp_path: Path) -> World:
    world = World(tmp_path)
    world.declare(FILES)
    return world


def folder(world: World, template: str) -> str:
    text = FILES["exports/vips.yaml"].replace("fields:", f"folder: '{template}', fields:")
    world.declare({"exports/vips.yaml": text})
    return world.plan("vips").feeds[0].folder


@pytest.mark.parametrize("macro", sorted(MACROS))
def test_every_macro_has_a_value(world: World, macro: str) -> None:
    assert folder(world, f"x/%{macro}%/y") == f"x/{VALUES[macro]}/y"


VALUES = {
    "DATASET_ID": "ds-7",
    "DATETIME": "20260309_040500",
    "DESTINATION": "local",
    "DESTINATION_INSTANCE_ID": "drop",
    "DESTINATION_INSTANCE_NAME": "Partner",
    "EXPORT_NAME": "vips",
    "EXPORT_TIME": "exportTime=202603090405",
    "ORGANIZATION_NAME": "acme",
    "SANDBOX_NAME": "dev",
    "SEGMENT_ID": "vips",
    "SEGMENT_NAME": "vips",
}


def test_the_products_sample_template(world: World) -> None:
    template = "%DESTINATION%_%DATASET_ID%_%DATETIME(YYYYMMdd_HHmmss)%"
    assert folder(world, template) == "local_ds-7_20260309_040500"


def test_a_slash_means_the_connections_own_folder(world: World) -> None:
    assert folder(world, "/") == ""
    assert "/" not in world.plan("vips").manifest


def test_defaults_are_the_products(world: World) -> None:
    plan = world.plan("all")
    assert [feed.folder for feed in plan.feeds] == [
        "ds-7/exportTime=202603090405",
        "towns/exportTime=202603090405",
    ]
    assert plan.manifest == f"manifest-drop-{plan.run.id}.json", "in the deepest folder that both feeds share"


def test_names_follow_from_the_run_alone(world: World) -> None:
    one, again, other = world.plan("all"), world.plan("all"), world.plan("all", "manual__2")
    names = [plan.part_name(plan.feeds[1], 12) for plan in (one, again, other)]
    assert names[0] == names[1] != names[2]
    assert re.fullmatch(
        r"towns/exportTime=202603090405/part-00012-tid-\d{1,18}-[0-9a-f-]{36}-1-1-c000\.json\.gz", names[0]
    )


def test_a_run_may_ask_for_some_feeds(world: World) -> None:
    assert [feed.name for feed in world.plan("all", only=("towns",)).feeds] == ["towns"]
    with pytest.raises(DefinitionError, match="no feed"):
        world.plan("all", only=("cities",))


def test_the_plan_explains_itself(world: World) -> None:
    text = explain(world.plan("vips"))
    assert "vips: people where id < 3" in text
    assert "waits for   system_refresh" in text


def test_a_plan_survives_staging(world: World) -> None:
    for name in ("all", "vips"):
        plan = world.plan(name)
        assert Plan.model_validate_json(plan.model_dump_json(by_alias=True)) == plan
