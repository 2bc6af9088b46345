"""Folders, part names and the manifest's place."""

import re
from datetime import UTC, datetime
from pathlib import Path

import pytest

from sluice.definition.load import load_export
from sluice.definition.models.macros import MACROS
from sluice.errors import DefinitionError
from sluice.model.run import Run, Window
from sluice.plan.build import build
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


def files(world: World, more: str) -> tuple[Plan, list[str]]:
    """The plan of `vips` with more declared, and the names of its first part and of the second piece of its tenth."""
    world.declare({"exports/vips.yaml": FILES["exports/vips.yaml"].replace("fields:", f"{more}, fields:")})
    plan = world.plan("vips")
    return plan, [plan.part_name(plan.feeds[0], *at).rpartition("/")[2] for at in ((0, 0), (9, 1))]


@pytest.mark.parametrize("macro", sorted(MACROS))
def test_file_names_have_the_macros_of_folders_too(world: World, macro: str) -> None:
    _, (first, _) = files(world, f'file: "%{macro}%_%RUN_ID%_%PART%"')
    assert first == f"{VALUES[macro]}_{VALUES['RUN_ID']}_00000.csv.gz"


def test_a_file_that_is_cut_by_bytes_has_two_numbers(world: World) -> None:
    plan, names = files(world, 'chunks: {bytes: 10 MB}, file: "%SEGMENT_NAME%-%PART%.%RUN_ID%"')
    assert names == [f"vips-00000-000.{plan.run.id}.csv.gz", f"vips-00009-001.{plan.run.id}.csv.gz"]
    plan, names = files(world, "chunks: {bytes: 10 MB}")
    product = f"-tid-{plan.run.transaction}-{plan.run.id}-0-1-c"
    assert names == [f"part-00000{product}000.csv.gz", f"part-00009{product}001.csv.gz"]


def test_a_slice_of_time_has_the_same_names_whoever_asks(world: World) -> None:
    """A backfill of it is due at its end, whenever it runs."""
    declared = 'file: "%DATETIME(YYYYMMDD_HHmmss)%_%SEGMENT_NAME%_%RUN_ID%_%PART%"'
    text = FILES["exports/all.yaml"].replace("datasets:", f"mode: full, {declared}, datasets:")
    world.declare({"exports/all.yaml": text})
    window = Window(after=TIME, until=TIME.replace(month=4))
    project, export = load_export(world.include, "all")
    slices = export.model_copy(update={"mode": "incremental"})
    asked = [Run(export="all", run_id=name, export_time=window.until, window=window) for name in ("one", "other")]
    plans = [build(project, slices, run) for run in asked]
    one, other = ([plan.part_name(feed, 3) for feed in plan.feeds] for plan in plans)
    assert one == other
    assert len(set(one)) == 2


VALUES = {
    "DATASET_ID": "ds-7",
    "DATETIME": "20260309_040500",
    "DESTINATION": "local",
    "DESTINATION_INSTANCE_ID": "drop",
    "DESTINATION_INSTANCE_NAME": "Partner",
    "EPOCH": "1773029100",
    "EPOCH_MS": "1773029100000",
    "EXPORT_NAME": "vips",
    "EXPORT_TIME": "exportTime=202603090405",
    "ORGANIZATION_NAME": "acme",
    "RUN_ID": str(Run(export="vips", run_id="manual__1", export_time=TIME).id),
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


def test_the_plan_says_what_the_profile_makes_of_chunks(world: World) -> None:
    world.declare({"connections/drop.yaml": "{type: local, airflow_conn_id: out, profile: data-workbench}"})
    text = explain(files(world, "chunks: {records: 600}")[0])
    assert "  profile     data-workbench, from the connection drop" in text
    assert "  chunks      1,000 records each, 12 in parallel" in text
    assert "600 records per chunk are declared, but Data Workbench accepts 1,000 to 50,000: 1,000 are used" in text
    assert "  retries     0 per chunk, each after 2 s" in text
    assert "  chunks      10,000 records each" in explain(files(world, "owner: me")[0])


def test_the_plan_says_how_large_files_become(world: World) -> None:
    assert "files of at most 100,000,000 bytes, 12" in explain(files(world, "chunks: {bytes: 100 MB}")[0])
    both = explain(files(world, "chunks: {bytes: 1 MiB, records: 5000}")[0])
    assert "files of at most 1,048,576 bytes and 5,000 records" in both
