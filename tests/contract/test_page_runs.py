"""What the page does with runs, in a real Airflow with the FAB auth manager, as each kind of user. No scheduler: runs
stay queued."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest

from sluice.airflow.rest import RefusedError, Rest
from sluice.audience.receipt import InboundReceipt
from sluice.cli import main
from sluice.definition.load import load
from sluice.definition.models.project import Staging
from sluice.delivery.report.history import History
from sluice.delivery.report.reader_receipts import ReaderReceipts
from tests.builders import NOW, World
from tests.servers.fab import PASSWORD, Fab, fab
from tests.servers.folders import folder_connection

EXPORT = "kind: dataset-export\nconnection: {}\ndatasets: [orders]\nmode: {}\nschedule: {}\n"
SOURCE = "key: id, source: {type: parquet, airflow_conn_id: lake, path: %s}"
DATASETS = f"""
orders: {{kind: event, refreshed_by: system_refresh, {SOURCE % "orders"}}}
people: {{kind: profile, {SOURCE % "people"}}}
"""
SEGMENTS = """
loyal: {dataset: people, where: id > 1}
very_loyal: {dataset: people, sql: SELECT id FROM loyal, reads: [loyal]}
"""
FILES = {
    "connections/ours.yaml": "type: local\nairflow_conn_id: out\nshared_with: [marketing]\n",
    "connections/theirs.yaml": "type: local\nairflow_conn_id: out\nshared_with: [finance]\n",
    "catalog/datasets.yaml": DATASETS,
    "catalog/segments.yaml": SEGMENTS,
    "catalog/refreshes.yaml": "system_refresh: {type: system}\n",
    "exports/mine.yaml": EXPORT.format("ours", "incremental", "{daily: '06:00', end: 2199-12-31}"),
    "exports/paused.yaml": EXPORT.format("ours", "full", "'off'"),
    "exports/foreign.yaml": EXPORT.format("theirs", "full", "{daily: '06:00', end: 2199-12-31}"),
    "exports/broken.yaml": EXPORT.format("nowhere", "full", "'off'"),
}
VERBS = ("cancel-run", "release-run", "resend-run", "verify-delivery")


class Client:
    """The page's API, as one user."""

    def __init__(self, rest: Rest) -> None:
        self.rest = rest

    def get(self, path: str, **query: Any) -> Any:
        return self.rest.fetch(f"/sluice/api/v1/{path}", **query).json()

    def send(self, path: str, body: Any = None, method: str = "POST") -> Any:
        return self.rest.send(method, f"/sluice/api/v1/{path}", {} if body is None else body).json()

    def refused(self, path: str, body: Any = None, method: str = "POST") -> tuple[int, str]:
        """The status and the text of an answer that is an error."""
        with pytest.raises(RefusedError) as refused:
            self.send(path, body, method) if method != "GET" else self.get(path)
        return refused.value.status, refused.value.what


@dataclass
class Page:
    airflow: Fab
    world: World
    admin: Client
    ann: Client
    """A contributor: `ours` is shared with her role."""
    vera: Client
    """A viewer."""

    def delivered(self, run_id: str, export: str = "mine", **said: Any) -> str:
        """A delivery, with its report."""
        report = self.world.run(export, run_id).model_copy(update={"started_at": NOW.isoformat(), **said})
        History(Staging(), export, self.world).keep(report)
        return report.flow_run_id

    def end(self, run: str, dag: str = "export__mine", teardown: str = "finish") -> None:
        """What the scheduler does with a cancelled run: Airflow ends it after its last task."""
        path = f"dags/{dag}/dagRuns/{run}"
        self.airflow.admin.patch(f"{path}/taskInstances/{teardown}", {"new_state": "failed"})
        self.airflow.admin.patch(path, {"state": "failed"})


@pytest.fixture(scope="module")
def page(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Page]:
    root, monkeypatch = tmp_path_factory.mktemp("page"), pytest.MonkeyPatch()
    world = World(root)
    world.declare(FILES)
    assert list(load(world.include).broken) == ["broken"]
    world.dataset("orders", pa.table({"id": [1, 2, 3]}))
    world.dataset("people", pa.table({"id": [1, 2, 3]}))
    options = {"SLUICE_INCLUDE": str(world.include), "SLUICE_CACHE": str(root / "cache")}
    for name in ("lake", "out", "sluice_staging"):
        (root / name).mkdir(exist_ok=True)
        options[f"AIRFLOW_CONN_{name.upper()}"] = folder_connection(root / name)
    with fab(root / "airflow", options) as airflow:
        for name, value in {"URL": airflow.url, "USER": "admin", "PASSWORD": PASSWORD}.items():
            monkeypatch.setenv(f"SLUICE_AIRFLOW_{name}", value)
        monkeypatch.setenv("SLUICE_INCLUDE", str(world.include))
        assert main(["roles", "--write"]) == 0
        stored = airflow.store.store(world.include)
        assert not stored.refused
        for dag in ("mine", "foreign"):
            airflow.admin.patch(f"dags/export__{dag}", {"is_paused": False})
        airflow.admin.patch("dags/export__paused", {"is_paused": True})
        airflow.admin.patch("dags/system_refresh", {"is_paused": False})
        ann = Client(airflow.add_user("ann", "marketing", "sluice-viewer"))
        vera = Client(airflow.add_user("vera", "sluice-viewer"))
        yield Page(airflow, world, Client(airflow.admin), ann, vera)
    monkeypatch.undo()


def test_a_selection_runs_and_the_rest_is_left_out_with_reasons(page: Page) -> None:
    done = page.ann.send("actions/run", {"exports": ["mine", "paused", "foreign", "broken", "none"], "conf": {}})
    assert done["done"] == ["mine"], done
    run = done["runs"]["mine"]
    assert page.airflow.admin.get(f"dags/export__mine/dagRuns/{run}")["state"] == "queued"
    why = {one["name"]: one["why"] for one in done["skipped"]}
    assert "is paused" in why["paused"]
    assert "ann may not run export: export foreign" in why["foreign"]
    assert "nowhere" in page.admin.send("actions/run", {"exports": ["broken"]})["skipped"][0]["why"]
    assert "no export is named `none`" in page.admin.send("actions/run", {"exports": ["none"]})["skipped"][0]["why"]
    conf = page.ann.send("actions/run", {"exports": ["mine"], "conf": {"mode": "changes"}})
    assert conf["done"] == []
    assert "its runs cannot have `mode: changes`" in conf["skipped"][0]["why"]
    assert page.vera.send("actions/run", {"exports": ["mine"]})["done"] == []

    # The list, the history and the progress show the run.
    [row] = [row for row in page.vera.get("exports")["rows"] if row["name"] == "mine"]
    assert (row["status"], row["run"]) == ("queued", run)
    first = page.vera.get("exports/mine/runs")["rows"][0]
    assert (first["run"], first["status"]) == (run, "queued")
    progress = page.ann.get(f"exports/mine/runs/{run}")
    assert (progress["status"], progress["may"]) == ("queued", ["cancel-run"])
    assert [task["title"] for task in progress["tasks"]] == [
        "Wait for refreshes", "Select rows", "Cut into chunks", "Send", "Publish", "Finish",
    ]  # fmt: skip
    assert {task["state"] for task in progress["tasks"]} == {"not started"}
    assert page.vera.get(f"exports/mine/runs/{run}")["may"] == []

    # It is cancelled by those who may.
    assert page.vera.refused(f"exports/mine/runs/{run}/cancel")[0] == 403
    assert page.ann.send(f"exports/mine/runs/{run}/cancel")["done"] == ["mine"]
    cancelled = {task["task"]: task["state"] for task in page.ann.get(f"exports/mine/runs/{run}")["tasks"]}
    assert cancelled.pop("finish") == "not started", "it removes what was sent, then the run ends"
    assert set(cancelled.values()) == {"skipped"}
    page.end(run)
    assert "has already ended: failed" in page.ann.refused(f"exports/mine/runs/{run}/cancel")[1]
    [row] = [row for row in page.vera.get("exports")["rows"] if row["name"] == "mine"]
    assert (row["status"], row["run"]) == ("failed", run), "Airflow ended it without a report"
    assert page.vera.get("exports/mine/runs")["rows"][0]["why"] == "Airflow ended this run before it could report"
    titles = [event["title"] for event in page.vera.get("exports/mine/timeline")["events"]]
    assert titles[:2] == ["ann tried, without success: cancel run", "ann cancelled a run"]
    assert "ann started a run" in titles


def test_all_with_an_active_schedule_run(page: Page) -> None:
    assert page.ann.send("actions/run-all")["done"] == ["mine"]
    assert page.vera.send("actions/run-all") == {"done": [], "skipped": [], "diff": "", "runs": {}}
    assert sorted(page.admin.send("actions/run-all")["done"]) == ["foreign", "mine"]
    for export in ("mine", "foreign"):
        for row in page.admin.get(f"exports/{export}/runs")["rows"]:
            if row["status"] == "queued":
                page.end(row["run"], f"export__{export}")


def test_deliveries_are_read_back_and_sent_again(page: Page) -> None:
    flow_run = page.delivered("manual__first")
    progress = page.ann.get("exports/mine/runs/manual__first")
    assert (progress["status"], progress["may"]) == ("successful", ["resend-run", "verify-delivery"])
    assert (progress["totals"]["records_sent"], progress["report"]["flow_run_id"]) == (3, flow_run)
    manifest = page.vera.get("exports/mine/runs/manual__first/manifest")
    assert (manifest["flowRunId"], manifest["records"]) == (flow_run, 3)
    assert page.vera.refused("exports/mine/runs/manual__first/verify")[0] == 403
    verifying = page.ann.send("exports/mine/runs/manual__first/verify")["runs"]["mine"]
    assert page.airflow.admin.get(f"dags/export__mine/dagRuns/{verifying}")["conf"] == {"verify": "manual__first"}
    page.end(verifying)
    assert verifying not in [row["run"] for row in page.ann.get("exports/mine/runs")["rows"]], "it delivers nothing"
    assert "has delivered nothing" in page.ann.refused("exports/mine/runs/manual__none/verify")[1]
    [file] = (page.world.root / "out").rglob(f"manifest-*{flow_run}.json")
    assert manifest == json.loads(file.read_text())
    assert page.ann.get("exports/mine/runs/manual__first")["compared"] is None
    history = History(Staging(), "mine", page.world)
    said = {"run": verifying, "flow_run_id": "v", "outcome": "differs", "why": "it differs\n  missing: x"}
    history.keep(history.last(1)[0].model_copy(update=said))
    compared = page.vera.get("exports/mine/runs/manual__first")["compared"]
    assert (compared["run"], compared["status"], compared["why"]) == (verifying, "differs", "it differs")
    seen = page.vera.get(f"exports/mine/runs/{verifying}")
    assert (seen["status"], seen["why"], seen["may"], seen["mode"]) == ("differs", "it differs\n  missing: x", [], "")
    [row] = [row for row in page.vera.get("exports")["rows"] if row["name"] == "mine"]
    assert row["run"] != verifying, "the export's state is that of its last run that delivers"
    rows = {row["run"]: row["status"] for row in page.vera.get("exports/mine/runs")["rows"]}
    assert (rows[verifying], rows["manual__first"]) == ("differs", "successful")

    receipt = InboundReceipt(files=("part-00000.csv",), received=3, stored=2)
    ReaderReceipts(Staging(), "mine", page.world).keep(flow_run, receipt)
    [shown] = page.vera.get("exports/mine/runs/manual__first/receipts")
    assert (shown["received"], shown["stored"], shown["files"]) == (3, 2, ["part-00000.csv"])
    assert page.vera.get("exports/mine/runs/manual__none/receipts") == []

    again = page.ann.send("exports/mine/runs/manual__first/resend")["runs"]["mine"]
    assert page.airflow.admin.get(f"dags/export__mine/dagRuns/{again}")["conf"] == {"resend": flow_run}
    assert page.vera.refused("exports/mine/runs/manual__first/resend")[0] == 403
    page.end(again)
    assert "has delivered nothing" in page.vera.refused("exports/mine/runs/manual__none/manifest", method="GET")[1]
    assert page.vera.refused("exports/mine/runs/manual__none", method="GET")[0] == 404
    assert "Delivered 3 records in 1 file" in [
        event["title"] for event in page.vera.get("exports/mine/timeline")["events"]
    ]


def test_a_held_run_is_released_with_its_configuration(page: Page) -> None:
    run = page.ann.send("actions/run", {"exports": ["mine"], "conf": {"mode": "full"}})["runs"]["mine"]
    assert "is not held" in page.ann.refused(f"exports/mine/runs/{run}/release")[1]
    page.end(run)
    page.delivered("manual__before")
    report = History(Staging(), "mine", page.world).last(1)[0]
    held = {"run": run, "flow_run_id": "held", "outcome": "held", "why": "too many records", "manifest": ""}
    History(Staging(), "mine", page.world).keep(report.model_copy(update=held))
    progress = page.ann.get(f"exports/mine/runs/{run}")
    assert progress["may"] == ["release-run"], progress
    assert page.vera.refused(f"exports/mine/runs/{run}/release")[0] == 403
    released = page.ann.send(f"exports/mine/runs/{run}/release")["runs"]["mine"]
    assert page.airflow.admin.get(f"dags/export__mine/dagRuns/{released}")["conf"] == {"mode": "full", "release": True}
    page.end(released)
    kinds = {event["kind"] for event in page.vera.get("exports/mine/timeline")["events"]}
    assert {"run", "action", "held", "released"} <= kinds


def test_a_timeline_is_read_page_by_page(page: Page) -> None:
    every = page.vera.get("exports/mine/timeline")
    assert not every["more"]
    first = page.vera.get("exports/mine/timeline", limit=2)
    assert first["more"]
    rest = page.vera.get("exports/mine/timeline", before=first["events"][-1]["at"])
    assert first["events"] + rest["events"] == every["events"]


def test_slices_of_time_are_delivered_again(page: Page) -> None:
    wanted = {"after": "2026-11-01T00:00:00Z", "until": "2026-11-02T00:00:00Z", "by": "hour"}
    assert page.vera.refused("exports/mine/backfill", wanted)[0] == 403
    dry = page.ann.send("exports/mine/backfill", {**wanted, "dry_run": True})
    assert (len(dry["slices"]), dry["runs"]) == (24, [])
    some = {**wanted, "until": "2026-11-01T02:00:00Z"}
    done = page.ann.send("exports/mine/backfill", some)
    assert (len(done["slices"]), len(done["runs"])) == (2, 2)
    conf = page.airflow.admin.get(f"dags/export__mine/dagRuns/{done['runs'][0]}")["conf"]
    assert conf == {"window": {"from": "2026-11-01T00:00:00+00:00", "to": "2026-11-01T01:00:00+00:00"}}
    for run in done["runs"]:
        page.end(run)
    status, said = page.ann.refused("exports/mine/backfill", {**wanted, "until": "2999-01-01T00:00:00Z"})
    assert status == 422
    assert "ends in the future" in said


def test_the_watermark_is_moved_by_administrators(page: Page) -> None:
    seen = page.vera.get("exports/mine/watermark")
    assert seen["incremental"]
    assert seen["text"] == {"orders": "files: 1 files"}
    new = {"value": None, "seen": seen["value"]}
    assert page.ann.refused("exports/mine/watermark", new, "PUT")[0] == 403
    assert page.admin.send("exports/mine/watermark", new, "PUT")["value"] is None
    assert "has changed since you saw it" in page.admin.refused("exports/mine/watermark", new, "PUT")[1]
    assert page.world.run("mine", "manual__everything").records == 3, "the next run delivers everything"
    now = page.vera.get("exports/mine/watermark")["value"]
    assert now == seen["value"]
    wrong = {"value": {"people": now["orders"]}, "seen": now}
    assert "mine has no feed people" in page.admin.refused("exports/mine/watermark", wrong, "PUT")[1]
    assert page.admin.refused("exports/mine/watermark", {"value": {"orders": 1}, "seen": now}, "PUT")[0] == 422
    assert not page.vera.get("exports/paused/watermark")["incremental"]
    entry = page.admin.get("audit", subject="mine")["entries"][-1][1]
    assert entry["subjects"] == ["export mine"]
    [moved] = [one for _, one in page.admin.get("audit")["entries"] if one["verb"] == "set-watermark" and one["texts"]]
    assert (moved["actor"], moved["texts"][0]["after"]) == ("admin", "null\n")


def test_the_catalog_and_the_system(page: Page) -> None:
    datasets = {one["name"]: one for one in page.vera.get("catalog/datasets")}
    assert datasets["orders"]["exports"] == ["foreign", "mine", "paused"]
    assert datasets["people"]["segments"] == ["loyal", "very_loyal"]
    assert page.vera.get("catalog/datasets/orders/columns") == {"columns": [{"name": "id", "type": "int64"}]}
    assert page.vera.refused("catalog/datasets/order/columns", method="GET")[0] == 404
    assert [(one["name"], one["members"], one["reads"]) for one in page.vera.get("catalog/segments")] == [
        ("loyal", None, []),
        ("very_loyal", None, ["loyal"]),
    ]
    assert page.ann.refused("system/refresh")[0] == 403
    run = page.admin.send("system/refresh")["run"]
    system = page.vera.get("system")
    assert system["refreshing"]
    nodes = {node["id"]: node for node in system["nodes"]}
    assert nodes["refresh/system_refresh"]["state"] == "queued"
    assert nodes["segment/loyal"]["state"] == "not started"
    ranks = [nodes[name]["rank"] for name in ("refresh/system_refresh", "dataset/orders", "segment/loyal")]
    assert ranks == [0, 1, 1]
    assert nodes["segment/very_loyal"]["rank"] == 2
    assert nodes["export/mine"]["rank"] == 2
    assert system["health"]["metadatabase"] == "healthy"
    page.end(run, "system_refresh", "record_failure")
    assert not page.vera.get("system")["refreshing"]


def test_the_audit_log_is_for_administrators(page: Page) -> None:
    assert page.ann.refused("audit", method="GET")[0] == 403
    first = page.admin.get("audit", limit=2)
    assert first["more"]
    assert len(first["entries"]) == 2
    older = page.admin.get("audit", limit=2, before=first["entries"][-1][0])
    assert older["entries"][0][0] == first["entries"][-1][0] - 1


def test_many_requests_at_once_do_not_wait_for_each_other_for_ever(page: Page) -> None:
    """Each asks Airflow's API in the same process, which has 40 threads for both."""
    run = page.ann.send("actions/run", {"exports": ["mine"]})["runs"]["mine"]
    began = time.monotonic()
    with ThreadPoolExecutor(60) as pool:
        found = list(pool.map(lambda _: page.vera.get(f"exports/mine/runs/{run}")["status"], range(60)))
    assert found == ["queued"] * 60
    assert time.monotonic() - began < 60
    page.end(run)


def test_writes_are_json(page: Page, tmp_path: Path) -> None:
    """A form of another site cannot send it."""
    rest = page.admin.rest
    for path in ("actions/run", "actions/run-all", "system/refresh", "exports/mine/backfill"):
        with pytest.raises(RefusedError) as refused:
            rest._authorised("POST", f"/sluice/api/v1/{path}", data={"exports": "mine"})
        assert refused.value.status in (415, 422)
