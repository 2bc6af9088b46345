"""A run that verifies compares a delivery with its manifest, and leaves everything else alone. Airflow's own scheduling
decides, and the tasks are the real ones."""

from __future__ import annotations

import json
from collections.abc import Iterator
from itertools import count
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest

from sluice.airflow.connections import AirflowConnections
from sluice.airflow.project import VERIFIED
from sluice.definition.models.project import Staging
from sluice.delivery.report.report import Report
from sluice.runs.index import Index
from sluice.runs.latest import Latest
from sluice.runs.record import Record
from tests.builders import World
from tests.servers import receivers
from tests.unit.airflow.scheduler import Act, Scheduled, make_tables
from tests.unit.airflow.test_run_states import FILES, Scene, left, marked

pytestmark = pytest.mark.slow
NUMBERS = count(1)


@pytest.fixture(scope="module", autouse=True)
def tables() -> None:
    make_tables()


@pytest.fixture
def scene(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Scene]:
    world = World(tmp_path)
    world.declare(FILES)
    world.dataset("people", pa.table({"id": range(100)}))
    monkeypatch.setenv("SLUICE_INCLUDE", str(world.include))
    for conn_id in ("lake", "sluice_staging", "out"):
        connection = {"conn_type": "fs", "extra": {"path": str(tmp_path / conn_id)}}
        monkeypatch.setenv(f"AIRFLOW_CONN_{conn_id.upper()}", json.dumps(connection))
    with receivers.webhook() as webhook:
        address = {"conn_type": "http", "host": f"http://127.0.0.1:{webhook.server_port}"}
        monkeypatch.setenv("AIRFLOW_CONN_OPS", json.dumps(address))
        yield Scene(world, webhook, monkeypatch)


def real(task_id: str) -> Act:
    """A task as it is in a worker."""

    def act(run: Scheduled) -> str:
        task: Any = run.dag.get_task(task_id)
        if task_id in ("chunk", "publish"):
            task.extracted = run.xcoms.get(("extract", "return_value"))
        if task_id == "extract":
            execute = task.execute
            task.execute = lambda context: run.xcoms.__setitem__(("extract", "return_value"), execute(context))
        return run.execute(task)

    return act


TASKS: dict[str, Act] = {task: real(task) for task in ("wait_for_refreshes", "extract", "chunk", "upload", "publish")}


def verify(scene: Scene, run: str, acts: dict[str, Act] | None = None) -> Scheduled:
    return scene.run(TASKS | (acts or {}), {"verify": run})


def everything(root: Path) -> dict[str, bytes]:
    """Deliveries and staging, without reports and the index of runs."""
    files = [path for top in ("out", "sluice_staging") for path in (root / top).rglob("*") if path.is_file()]
    kept = [path for path in files if not {"reports", "index"} & set(path.relative_to(root).parts)]
    return {str(path): path.read_bytes() for path in kept}


def index() -> Index:
    found = Index.of(Staging(), AirflowConnections())
    found.refresh()
    return found


def last(scene: Scene) -> Report:
    return scene.history.last(1)[0]


def part(scene: Scene) -> Path:
    return min((scene.world.root / "out").rglob("part-*"))


def test_a_delivery_is_as_its_manifest_says(scene: Scene, capsys: pytest.CaptureFixture[str]) -> None:
    delivered = scene.run()
    before, latest = everything(scene.world.root), Latest(index())
    latest.read()
    state = latest.last["people"]
    run = verify(scene, delivered.run_id)
    assert run.state == "success"
    states = {task: state for task, state in run.states.items() if task != "upload"}
    assert states == {
        "wait_for_refreshes": "success",
        "extract": "success",
        "chunk": "skipped",
        "publish": "skipped",
        "finish": "success",
        # A task start adds what the DAG may have had when the run began.
        "broken_declaration": "success",
        "follow_up": "success",
    }
    assert "compared 4 of 4 files" in capsys.readouterr().out
    assert everything(scene.world.root) == before, "nothing is pinned, sent or changed"
    report = last(scene)
    assert (report.outcome, report.run, report.files, report.records) == ("verified", run.run_id, 4, 100)
    assert report.why.startswith(f"the delivery of {delivered.run_id} is as its manifest says: 4 files, 100 records")
    latest.read()
    assert latest.last["people"] == state, "the export's state is that of its last run that delivers"
    found = index()
    [_, other] = found.history("people", 9).records
    verification = found.verification("people", other.manifest)
    assert verification is not None
    assert (verification.run, verification.outcome) == (run.run_id, "verified")
    assert scene.told == []
    assert run.woken == []


def test_a_changed_part_fails_the_run_with_a_page(scene: Scene) -> None:
    delivered = scene.run()
    body = part(scene).read_bytes()
    part(scene).write_bytes(b"x" + body[1:])
    run = verify(scene, delivered.run_id)
    assert (run.state, run.states["extract"], run.states["finish"]) == ("failed", "failed", "failed")
    report = last(scene)
    assert report.outcome == "differs"
    assert report.why.startswith(f"the delivery of {delivered.run_id} differs from its manifest in 1 place\n  bytes: ")
    assert "\n  next: find out what changes files there" in report.why
    assert scene.parts == 4, "the teardown removes nothing"
    assert scene.told == [], "nobody is notified of a verification"
    part(scene).write_bytes(body)
    assert verify(scene, delivered.run_id).state == "success"
    [second, first, _] = index().history("people", 9).records
    assert (first.outcome, second.outcome) == ("differs", "verified")


def test_a_missing_part_and_many_more(scene: Scene) -> None:
    scene.world.declare({"exports/people.yaml": FILES["exports/people.yaml"].replace("records: 30", "records: 3")})
    delivered = scene.run()
    for path in (scene.world.root / "out").rglob("part-*"):
        path.unlink()
    run = verify(scene, delivered.run_id)
    assert run.state == "failed"
    assert run.xcoms["extract", VERIFIED]["differences"] == 34
    lines = last(scene).why.splitlines()
    assert "differs from its manifest in 34 places" in lines[0]
    assert sum("missing: " in line for line in lines) == 20
    assert "  ... 14 more" in lines


def test_by_the_flow_run_id(scene: Scene) -> None:
    scene.run()
    assert verify(scene, last(scene).flow_run_id).state == "success"


def test_what_was_not_delivered_cannot_be_verified(scene: Scene) -> None:
    run = verify(scene, "manual__none")
    assert run.state == "failed"
    assert last(scene).outcome == "unverified"
    assert "run manual__none of people has delivered nothing" in last(scene).why


def test_only_what_the_exports_own_connection_has_delivered_is_read(scene: Scene) -> None:
    delivered = scene.run()
    scene.world.declare(
        {
            "connections/other.yaml": "{type: local, airflow_conn_id: out}",
            "exports/people.yaml": FILES["exports/people.yaml"].replace("connection: out", "connection: other"),
        }
    )
    run = verify(scene, delivered.run_id)
    assert (run.state, last(scene).outcome) == ("failed", "unverified")
    assert "was delivered to the connection out, but the export delivers to other now" in last(scene).why
    assert "sluice verify " in last(scene).why


@pytest.mark.parametrize("acts", [{"extract": marked("failed")}, {"extract": left("extract", "failed", "no answer")}])
def test_one_that_ends_early_is_unverified(scene: Scene, acts: dict[str, Act]) -> None:
    """It never counts as a failed run of the export."""
    delivered = scene.run()
    run = verify(scene, delivered.run_id, acts)
    assert (run.state, last(scene).outcome, scene.told, scene.parts) == ("failed", "unverified", [], 4)
    latest = Latest(index())
    latest.read()
    assert (latest.last["people"].run, latest.last["people"].outcome) == (delivered.run_id, "published")


def test_it_does_not_count_as_a_delivery(scene: Scene) -> None:
    delivered = scene.run()
    now = index().history("people", 1).records[0].ended.replace(year=2000)
    before = index().delivered_since(now)
    verify(scene, delivered.run_id)
    assert index().delivered_since(now) == before
    assert sum(usage.deliveries for usage in index().usage("export")) == 1


def test_the_next_run_delivers_as_if_nothing_had_been_verified(scene: Scene) -> None:
    delivered = scene.run()
    part(scene).unlink()
    verify(scene, delivered.run_id)
    assert scene.run().state == "success"
    assert scene.told == [], "it has not recovered from anything"
    record: Record = index().history("people", 1).records[0]
    assert record.outcome == "published"
