"""However a run ends, its state, its report and its notices say the same. Airflow's own scheduling decides."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial
from itertools import count
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pyarrow as pa
import pytest

from sluice.airflow.connections import AirflowConnections
from sluice.airflow.dags import export_dags
from sluice.airflow.project import WHY
from sluice.cli import main
from sluice.definition.models.project import Staging
from sluice.delivery.report.history import History
from sluice.delivery.staging import StagedRun
from sluice.destinations.local import LocalFolder
from sluice.errors import RetriableError
from sluice.runs.index import Index
from tests.builders import World
from tests.servers import receivers
from tests.unit.airflow.scheduler import BEFORE, Act, Scheduled, answering, make_tables, store

pytestmark = pytest.mark.slow
NUMBERS = count(1)
EVENTS = "[failed, held, cancelled, skipped, recovered]"
FILES = {
    "catalog/datasets.yaml": """
        people: {kind: profile, key: id, source: {type: parquet, airflow_conn_id: lake, path: people}}
        """,
    "connections/out.yaml": "{type: local, airflow_conn_id: out}",
    "exports/people.yaml": f"""
        kind: dataset-export
        connection: out
        datasets: [people]
        mode: full
        schedule: "off"
        chunks: {{records: 30}}
        alerts: [{{to: ops, on: {EVENTS}}}]
        """,
}


@pytest.fixture(scope="module", autouse=True)
def tables() -> None:
    make_tables()


@dataclass
class Scene:
    """An export in a folder, and those who hear of it."""

    world: World
    webhook: receivers.Webhook
    monkeypatch: pytest.MonkeyPatch

    def run(self, acts: dict[str, Act] | None = None, conf: dict[str, Any] | None = None) -> Scheduled:
        """A run of the export, whose tasks do what they do unless there is another act for them."""
        (dag,) = export_dags(self.world.include, "export__people")
        store(dag)
        run = Scheduled(dag, {**self.real(), **(acts or {})}, conf or {}, run_id=f"manual__{next(NUMBERS)}")
        with answering(run, self.monkeypatch):
            run.run()
        return run

    def real(self) -> dict[str, Act]:
        """The steps as they are, on the same staging."""

        def extract(run: Scheduled) -> str:
            extracted = self.world.extract("people", run.run_id)
            run.xcoms["extract", "return_value"] = extracted.model_dump()
            self.world.upload(extracted)  # its parts are there, whatever the run comes to
            return "success"

        def publish(run: Scheduled) -> str:
            report = self.world.publish(staged(run))
            run.xcoms["publish", "return_value"] = report.model_dump(mode="json")
            return "success"

        def begin(run: Scheduled) -> str:
            wait: Any = run.dag.get_task("wait_for_refreshes")
            started = SimpleNamespace(run_id=run.run_id, run_type="manual")
            wait._begin(self.world.plan("people", run.run_id).run, {"dag_run": started})
            return "success"

        return {"wait_for_refreshes": begin, "extract": extract, "publish": publish}

    def reported(self) -> tuple[str, str]:
        (report,) = self.history.last(1)
        return report.outcome, report.why

    @property
    def history(self) -> History:
        return History(Staging(), "people", AirflowConnections())

    @property
    def told(self) -> list[str]:
        return [body["event"] for _, _, body in self.webhook.got]

    @property
    def parts(self) -> int:
        return len([name for name in self.world.delivered() if "part-" in name])


@pytest.fixture
def scene(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Scene]:
    world = World(tmp_path)
    world.declare(FILES)
    world.dataset("people", pa.table({"id": range(100)}))
    for conn_id in ("lake", "sluice_staging", "out"):
        connection = {"conn_type": "fs", "extra": {"path": str(tmp_path / conn_id)}}
        monkeypatch.setenv(f"AIRFLOW_CONN_{conn_id.upper()}", json.dumps(connection))
    monkeypatch.setenv("SLUICE_INCLUDE", str(world.include))
    with receivers.webhook() as webhook:
        address = {"conn_type": "http", "host": f"http://127.0.0.1:{webhook.server_port}"}
        monkeypatch.setenv("AIRFLOW_CONN_OPS", json.dumps(address))
        yield Scene(world, webhook, monkeypatch)


def staged(run: Scheduled) -> StagedRun:
    return StagedRun.from_extracted(run.xcoms["extract", "return_value"])


def left(task: str, kind: str, page: str) -> Act:
    """A task that ends with an error of ours."""

    def act(run: Scheduled) -> str:
        run.xcoms[task, WHY] = {"kind": kind, "page": page}
        return "skipped" if kind == "skipped" else "failed"

    return act


def marked(state: str) -> Act:
    """Someone marks the run while this task works."""

    def act(run: Scheduled) -> str:
        run.mark(state)
        return ""

    return act


def dies(_: Scheduled) -> str:
    return "failed"


def set_by_hand(task: str, state: str) -> Act:
    def act(run: Scheduled) -> str:
        run.set(task, state)
        return ""

    return act


def test_the_index_has_every_run_and_the_last_task_packs_it(scene: Scene) -> None:
    """The world's day is long over."""
    scene.run()
    scene.run({"extract": left("extract", "held", "2 records\n  next: look")})
    index = Index.of(Staging(), AirflowConnections())
    index.refresh()
    held, published = index.history("people", 9).records
    assert (published.outcome, published.kind, published.connection) == ("published", "dataset-export", "out")
    assert (held.outcome, held.why, held.connection) == ("held", "2 records", "out")
    staging = scene.world.root / "sluice_staging" / "staging" / "index"
    assert [path.name for path in (staging / "days").iterdir()] == [f"{published.ended:%Y-%m-%d}.1"]


WAYS: dict[str, tuple[dict[str, Act], str, str, str]] = {
    # what happens; the run's state, its outcome, its page
    "an error of ours": ({"extract": left("extract", "failed", "no bucket")}, "failed", "failed", "no bucket"),
    "held": ({"extract": left("extract", "held", "2 records")}, "failed", "held", "2 records"),
    "skipped by a rule": ({"extract": left("extract", "skipped", "empty")}, "success", "skipped", "empty"),
    "skipped before it began": (
        {"wait_for_refreshes": left("wait_for_refreshes", "skipped", "has ended")},
        "success",
        "skipped",
        "has ended",
    ),
    "a worker dies in upload": ({"upload": dies}, "failed", "failed", "it failed in upload_0, upload_1"),
    "a worker dies in publish": ({"publish": dies}, "failed", "failed", "it failed in publish"),
    "an upload at its time limit": (
        {"upload": left("upload_1", "failed", "time limit")},
        "failed",
        "failed",
        "time limit",
    ),
    "marked failed while it uploads": ({"upload": marked("failed")}, "failed", "cancelled", "someone ended the run"),
    "marked failed before it began": ({BEFORE: marked("failed")}, "failed", "cancelled", "someone ended the run"),
    "marked failed while it waits": (
        {"wait_for_refreshes": marked("failed")},
        "failed",
        "cancelled",
        "someone ended the run",
    ),
    "marked success while it uploads": ({"upload": marked("success")}, "failed", "cancelled", "someone ended the run"),
    "publish set to success by hand": (
        {"publish": set_by_hand("publish", "success")},
        "failed",
        "cancelled",
        "someone ended the run",
    ),
    "extract set to failed by hand": (
        {"extract": set_by_hand("extract", "failed")},
        "failed",
        "failed",
        "it failed in extract",
    ),
}


@pytest.mark.parametrize("way", WAYS)
def test_state_report_and_notice_say_the_same(scene: Scene, way: str) -> None:
    acts, state, outcome, page = WAYS[way]
    run = scene.run(acts)
    assert (run.state, scene.reported()[0], scene.told) == (state, outcome, [outcome]), run.states
    assert page in scene.reported()[1]
    assert page in scene.webhook.got[0][2]["text"]
    assert scene.parts == 0, "nothing is published, so nothing is left"
    assert scene.run().state == "success"
    assert (scene.reported(), scene.told, scene.parts) == (("published", ""), [outcome, "recovered"], 4)


@pytest.mark.parametrize(
    ("text", "page"),
    [
        (None, "was removed during this run"),
        ("kind: nonsense", "exports/people.yaml:1:"),
        (
            "{kind: dataset-export, datasets: [people], mode: full, schedule: 'off'}",
            "export people has no connection: nothing is published",
        ),
    ],
)
def test_a_run_whose_declaration_goes_breaks_or_is_detached_ends_with_a_page(
    scene: Scene, text: str | None, page: str
) -> None:
    """Its task was not found in the DAG any more, and was started again for ever."""
    scene.world.declare({"project.yaml": "defaults: {alerts: [{to: ops}]}"})
    path = scene.world.include / "exports" / "people.yaml"

    def goes(run: Scheduled) -> str:
        path.unlink() if text is None else path.write_text(text)
        # A worker parses the declaration anew for each task. The scheduler goes on with the DAG that it has stored.
        (run.dag,) = export_dags(scene.world.include, "export__people")
        run.acts = {"publish": lambda run: run.execute(run.dag.get_task("publish"))}
        return "success"

    run = scene.run({"upload": goes})
    assert (run.state, run.states["publish"], scene.told, scene.parts) == ("failed", "failed", ["failed"], 0)
    assert page in scene.webhook.got[0][2]["text"]
    assert scene.reported()[0] == "failed"


def test_a_run_that_waits_while_its_declaration_goes_ends_with_a_page(scene: Scene) -> None:
    """The triggerer sends it back to a method that only the sensor has."""
    path = scene.world.include / "exports" / "people.yaml"

    def goes(run: Scheduled) -> str:
        path.unlink()
        (run.dag,) = export_dags(scene.world.include, "export__people")
        woken = run.dag.get_task("wait_for_refreshes")
        return run.execute(SimpleNamespace(task_id=woken.task_id, outlets=[], execute=partial(resumed, woken)))

    def resumed(task: Any, context: Any) -> None:
        task.resume_execution("resume", {"event": {"status": "idle"}, "waited_for": "crm_load (1 run)"}, context)

    run = scene.run({"wait_for_refreshes": goes})
    assert (run.state, run.states["wait_for_refreshes"]) == ("failed", "failed")
    assert "was removed during this run" in scene.reported()[1]


def timed_out(run: Scheduled) -> str:
    run.time_out()
    return ""


def test_a_run_that_ended_without_its_last_task_is_told_of_by_the_next(scene: Scene) -> None:
    """Its scheduler died, or Airflow ended it as a whole."""
    run = scene.run({"upload": timed_out})
    assert (run.state, scene.told, scene.parts) == ("failed", [], 4)
    scene.run({"extract": left("extract", "skipped", "no rows")})
    assert scene.told == ["failed", "skipped"]
    assert run.run_id in scene.webhook.got[0][2]["text"]
    assert {report.run: report.outcome for report in scene.history}[run.run_id] == "failed"
    assert scene.parts == 0
    scene.run()
    assert scene.told == ["failed", "skipped", "recovered"]


def test_clean_tells_of_it_too_and_sends_what_waits(
    scene: Scene, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    scene.webhook.status = 500
    scene.run({"extract": left("extract", "held", "2 records")})
    scene.run({"upload": timed_out})
    scene.webhook.status = 200
    scene.webhook.got.clear()
    monkeypatch.setattr("sluice.commands.clean.login", lambda _: None)
    monkeypatch.setattr("sluice.commands.clean.state", lambda *_: "failed")
    assert main(["clean", "people", "--include", str(scene.world.include)]) == 0
    assert scene.told == ["held", "failed"]
    assert "removed" in capsys.readouterr().out


def test_a_decided_run_is_published_by_its_last_task_and_is_a_success(scene: Scene) -> None:
    """Its `publish` died after it had decided: the manifest is there, and Airflow calls it what it is."""

    def decided(run: Scheduled) -> str:
        scene.world.publish(staged(run))
        return "failed"

    run = scene.run({"publish": decided})
    assert (run.state, scene.reported()[0], scene.told) == ("success", "published", [])
    assert run.woken == [("export/people", "published")], "those who follow the export hear of it"


def test_a_cancelled_run_that_is_cleared_delivers(scene: Scene) -> None:
    run = scene.run({"upload": marked("failed")})
    with answering(run, scene.monkeypatch):
        assert run.clear(scene.real()) == "success"
    assert (scene.reported(), scene.told, scene.parts) == (("published", ""), ["cancelled", "recovered"], 4)


def test_a_dry_run_is_nobodys_news(scene: Scene) -> None:
    run = scene.run({"chunk": lambda _: "skipped"}, {"dry_run": True})
    assert (run.state, run.states["finish"], scene.told) == ("success", "skipped", [])


def test_a_run_that_could_not_be_settled_is_told_of_all_the_same(scene: Scene) -> None:
    """Its destination does not answer, and another try is due."""

    def down(*_: object) -> list[str]:
        raise RetriableError("the destination does not answer")

    with scene.monkeypatch.context() as broken:
        broken.setattr(LocalFolder, "remove", down)
        with pytest.raises(RetriableError, match="does not answer"):
            scene.run({"publish": left("publish", "failed", "gone")})
    assert (scene.told, scene.reported()[0]) == (["failed"], "failed")


def test_the_report_shows_them_by_the_same_words(
    scene: Scene, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    run = scene.run({"upload": marked("failed")})
    monkeypatch.setattr("sluice.commands.report.AirflowConnections", AirflowConnections)
    capsys.readouterr()
    assert main(["report", "people", "--include", str(scene.world.include)]) == 0
    assert f"{run.run_id}  cancelled" in capsys.readouterr().out


@pytest.mark.parametrize(("code", "state"), [(0, "success"), (3, "failed")])
def test_the_command_that_follows_decides_about_the_run_and_not_about_the_delivery(
    scene: Scene, code: int, state: str
) -> None:
    scene.monkeypatch.setenv("SLUICE_INCLUDE", str(scene.world.include))
    program = scene.world.root / "program"
    program.write_text(f'#!/bin/sh\necho "$@" >> {scene.world.root}/ran\nexit {code}\n')
    program.chmod(0o755)
    export = FILES["exports/people.yaml"].replace(EVENTS, "[failed, warning]").rstrip()
    scene.world.declare(
        {
            "project.yaml": f"commands: {{convert: {{program: {program}}}}}",
            "exports/people.yaml": f"{export}\n        follow_up: {{command: convert, arguments: [--for, '%file%']}}\n",
        }
    )

    # A task finds it through its DAG file.
    scene.monkeypatch.setenv("SLUICE_INCLUDE", str(scene.world.include))

    def follow(run: Scheduled) -> str:
        run.xcoms["extract", "return_value"] |= {"resend": False}
        return run.execute(run.dag.get_task("follow_up"))

    run = scene.run({"follow_up": follow})
    assert (run.state, run.states["publish"]) == (state, "success")
    assert scene.reported()[0] == "published"
    assert (scene.world.root / "ran").read_text().count("part-") == scene.parts == 4
    assert scene.told == ([] if code == 0 else ["warning"])
    if code:
        (_, _, body), *_ = scene.webhook.got
        assert "the command convert has failed with exit code 3: the delivery is published" in str(body)

    for acts, conf in ({"publish": left("publish", "held", "2 records")}, {}), ({"publish": dies}, {}):
        (scene.world.root / "ran").unlink(missing_ok=True)
        run = scene.run({"follow_up": follow, **acts}, conf)
        assert run.states["follow_up"] == "upstream_failed"
        assert not (scene.world.root / "ran").exists()
