"""Segments over a small lake: their members, their order of evaluation, and what their SQL may not do."""

from __future__ import annotations

import traceback
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from sluice.definition.models.catalog import Dataset, Segment
from sluice.definition.models.project import Project, Settings
from sluice.errors import DefinitionError, FatalError, SluiceError
from sluice.model.access import FolderAccess
from sluice.refresh.evaluate import evaluate_segment
from sluice.refresh.membership import KEPT, Membership, current, over_time, read_keys
from sluice.refresh.order import order

NOW = datetime(2026, 11, 30, tzinfo=UTC)
PEOPLE = pa.table(
    {
        "id": pa.array([5, 3, None, 1, 3, 8], pa.int32()),
        "mail": ["e@x", "c@x", "n@x", None, "c@x", "h@x"],
        "balance": [50.0, -3.0, 1e6, 10.0, -3.0, 80.0],
    }
)
ORDERS = pa.table({"buyer": pa.array([3, 3, 8, 99, None], pa.int64()), "total": [1, 2, 3, 4, 5]})


class World:
    """Two datasets, segments given as keyword arguments, and one staging folder."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.at = NOW

    def get(self, conn_id: str) -> FolderAccess:
        return FolderAccess(self.folder / conn_id)

    def project(self, **segments: dict[str, Any]) -> Project:
        sources = {"people": PEOPLE, "orders": ORDERS}
        for name, table in sources.items():
            path = self.folder / "lake" / name / "1.parquet"
            path.parent.mkdir(parents=True, exist_ok=True)
            pq.write_table(table, path)
        datasets = {
            name: Dataset.model_validate(
                {
                    "name": name,
                    "kind": "profile" if name == "people" else "event",
                    "key": "id" if name == "people" else "buyer",
                    "source": {"type": "parquet", "airflow_conn_id": "lake", "path": name},
                }
            )
            for name in sources
        }
        declared = {
            name: Segment.model_validate({"name": name, "dataset": "people", **spec}) for name, spec in segments.items()
        }
        return Project(
            settings=Settings(), datasets=datasets, segments=declared, refreshes={}, connections={}, exports={}
        )

    def evaluate(self, project: Project, name: str, run_key: str = "manual__1") -> Membership:
        self.at += timedelta(hours=1)
        return evaluate_segment(project, name, self, run_key, self.at)

    def members(self, name: str) -> pa.ChunkedArray:
        staging = Settings().staging
        return read_keys(current(staging, name, self), staging, self)


@pytest.fixture
def world(tmp_path: Path) -> World:
    return World(tmp_path)


def test_members_are_distinct_sorted_and_never_null(world: World) -> None:
    project = world.project(rich={"where": "balance > 0 or id = 3"})
    written = world.evaluate(project, "rich")
    assert written.records == 4
    assert written == current(project.settings.staging, "rich", world)
    assert world.members("rich").to_pylist() == [1, 3, 5, 8]
    assert (written.dataset, written.key, written.refreshed_at) == ("people", "id", world.at)


@pytest.mark.slow
def test_a_query_reads_other_datasets_and_segments(world: World) -> None:
    project = world.project(
        rich={"where": "balance > 0"},
        buyers={"sql": "select buyer, sum(total) from orders group by all", "reads": ["orders"]},
        both={
            "sql": 'with r as (from rich) select id from r semi join "buyers" using (id);',
            "reads": ["rich", "buyers"],
        },
    )
    assert order(project) == ["buyers", "rich", "both"]
    for name in order(project):
        world.evaluate(project, name)
    assert world.members("buyers").to_pylist() == [3, 8, 99]
    assert world.members("both").to_pylist() == [8]


def test_keys_have_the_type_that_the_dataset_has_them_in(world: World) -> None:
    project = world.project(text={"sql": "select '8' union all select '5'"})
    world.evaluate(project, "text")
    keys = world.members("text")
    assert keys.type == pa.int32()
    assert keys.to_pylist() == [5, 8]


@pytest.mark.parametrize(
    "spec",
    [
        {"where": "balance > 50 -- the rich"},
        {"where": "/* only */ id in (select buyer from orders where total = 3) -- buyers", "reads": ["orders"]},
        {"sql": "select id from people where id = 8 -- and no other"},
        {"sql": "select id from people where id = 8; -- and no other"},
        {"sql": "select id from people where id = 8 /* one */ ;\n;  "},
    ],
    ids=str,
)
def test_a_comment_may_end_a_segments_sql(world: World, spec: dict[str, Any]) -> None:
    world.evaluate(world.project(some=spec), "some")
    assert world.members("some").to_pylist()[-1:] == [8]


def test_a_segment_may_be_empty(world: World) -> None:
    assert world.evaluate(world.project(none={"where": "false"}), "none").records == 0
    assert world.members("none").to_pylist() == []


@pytest.mark.slow
def test_evaluated_again_it_points_to_the_new_table_and_keeps_the_last_ones(world: World) -> None:
    project = world.project(rich={"where": "balance > 0"})
    first = world.evaluate(project, "rich", "scheduled__2026-11-30T00:00:00+00:00")
    for number in range(KEPT + 3):
        last = world.evaluate(project, "rich", f"manual__{number}")
    assert current(project.settings.staging, "rich", world) == last
    tables = list((world.folder / "sluice_staging/staging/segments/rich").glob("*.parquet"))
    assert len(tables) == KEPT
    assert not (world.folder / "sluice_staging/staging" / first.path).exists()


@pytest.mark.slow
def test_a_failed_evaluation_leaves_the_last_one_current(world: World) -> None:
    project = world.project(rich={"where": "balance > 0"})
    last = world.evaluate(project, "rich")
    broken = world.project(rich={"where": "cast(mail as int) > 0"})
    with pytest.raises(FatalError, match="Could not convert string") as failed:
        world.evaluate(broken, "rich", "manual__2")
    assert "@x" not in "".join(traceback.format_exception(failed.value)), "a customer's value"
    assert current(project.settings.staging, "rich", world) == last
    assert len(list((world.folder / "sluice_staging").rglob("*.*"))) == 3, "keys, rows and the pointer"


def test_a_segment_that_was_never_refreshed_says_so(world: World) -> None:
    project = world.project(rich={"where": "true"}, more={"sql": "from rich", "reads": ["rich"]})
    with pytest.raises(FatalError, match="segment rich has not been refreshed yet") as missing:
        world.evaluate(project, "more")
    assert "`sluice refresh`" in str(missing.value)


def test_a_membership_table_that_is_not_what_the_pointer_says_is_refused(world: World) -> None:
    project = world.project(rich={"where": "true"})
    written = world.evaluate(project, "rich")
    path = world.folder / "sluice_staging/staging" / written.path
    pq.write_table(pq.read_table(path).slice(1), path)
    with pytest.raises(FatalError, match="has 3 keys, but 4 were written"):
        world.members("rich")


@pytest.mark.parametrize(
    ("spec", "kind", "says"),
    [
        ({"where": "balanse > 0"}, DefinitionError, 'Referenced column "balanse" not found'),
        ({"where": "balance >"}, DefinitionError, "syntax error"),
        ({"where": "frob(id) = 1"}, DefinitionError, "frob does not exist"),
        ({"sql": "select id\nfrom people\nwhere balanse > 0"}, DefinitionError, "LINE 3: where balanse > 0"),
        ({"sql": "select id from peeple"}, DefinitionError, "did you mean: people"),
        ({"sql": "select buyer from orders"}, DefinitionError, "add orders to its `reads`"),
        ({"sql": "select 1; select 2"}, DefinitionError, "one SELECT"),
        ({"sql": "copy people to '/tmp/people.csv'"}, DefinitionError, "one SELECT"),
        ({"sql": "create table x as select 1"}, DefinitionError, "one SELECT"),
        ({"sql": "select * from read_csv('/etc/passwd')"}, DefinitionError, "Permission Error"),
        ({"sql": "from '/etc/passwd'"}, DefinitionError, "reads '/etc/passwd'"),
        ({"sql": "select mail from people"}, FatalError, "Could not convert string"),
        ({"where": "false) or (true"}, DefinitionError, "not a SQL expression"),
        ({"where": "false) union all (select 99"}, DefinitionError, "not a SQL expression"),
        ({"where": "balance > 0, true"}, DefinitionError, "not a SQL expression"),
        ({"where": "balance > 0 group by id"}, DefinitionError, "syntax error"),
        ({"sql": "select 99) as members(key) union all (select id from people"}, DefinitionError, "syntax error"),
        ({"where": "id = (select id from people)"}, FatalError, "More than one row"),
    ],
    ids=lambda value: str(value) if isinstance(value, dict) else "",
)
def test_wrong_sql_names_the_segment(world: World, spec: dict[str, Any], kind: type[SluiceError], says: str) -> None:
    project = world.project(wrong=spec)
    with pytest.raises(kind) as failed:
        world.evaluate(project, "wrong")
    assert says in str(failed.value)
    assert failed.value.subject[:2] == ("segments", "wrong")
    assert not (world.folder / "sluice_staging").exists()


def test_segments_in_a_circle_are_named(world: World) -> None:
    project = world.project(
        a={"sql": "from b", "reads": ["b"]}, b={"sql": "from c", "reads": ["c"]}, c={"sql": "from a", "reads": ["a"]}
    )
    with pytest.raises(DefinitionError, match=r"in a cycle: (\w -> ){3}\w"):
        order(project)


def test_a_missing_dataset_is_named(world: World) -> None:
    project = world.project(all={"where": "true"})
    (world.folder / "lake" / "people" / "1.parquet").unlink()
    with pytest.raises(FatalError, match="dataset people: no Parquet file in"):
        world.evaluate(project, "all")


def test_members_over_time_are_those_of_the_kept_tables(world: World) -> None:
    staging = world.project(rich={"where": "balance > 0"}).settings.staging
    assert over_time(staging, "rich", world) == []
    for number, rule in enumerate(("balance > 0", "balance > 60", "true")):
        world.evaluate(world.project(rich={"where": rule}), "rich", f"manual__{number}")
    found = over_time(staging, "rich", world)
    assert [one.records for one in found] == [3, 1, 4]
    assert [one.at for one in found] == sorted(one.at for one in found)
