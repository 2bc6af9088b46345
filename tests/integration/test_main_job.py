"""The main job on real customers, in a real Airflow: declared exports follow the refresh and deliver."""

from __future__ import annotations

import csv
import gzip
import io
import json
import os
import signal
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from sluice.model.manifest import Manifest
from tests.integration.cdnow import Cdnow
from tests.integration.stack import PATIENCE, Stack


def manifest_of(report: dict[str, Any]) -> tuple[Manifest, Path]:
    """The manifest of a report, and the folder that its parts' paths start from."""
    path = Path(report["manifest"])
    drop = next(folder for folder in path.parents if folder.name == "drop")
    return Manifest.model_validate_json(path.read_bytes()), drop


def parts(report: dict[str, Any], feed: str) -> Iterator[Path]:
    manifest, drop = manifest_of(report)
    yield from (drop / part.path for part in manifest.exportResults if part.feed == feed)


def csv_rows(report: dict[str, Any], feed: str) -> list[dict[str, str]]:
    rows: list[dict[str, str]] = []
    for part in parts(report, feed):
        body = part.read_bytes()
        text = (gzip.decompress(body) if part.suffix == ".gz" else body).decode()
        rows += csv.DictReader(io.StringIO(text, newline=""))
    return rows


def csv_parts(stack: Stack) -> list[str]:
    """What `many_parts` alone delivers: other exports deliver beside it, whenever a refresh ends."""
    return [name for name in stack.delivered() if name.startswith("drop/purchases/") and name.endswith(".csv.gz")]


@pytest.fixture(scope="module")
def refreshed(stack: Stack) -> dict[str, dict[str, Any]]:
    """The reports of the exports that followed one system refresh by themselves."""
    with stack.followers():
        run_id = stack.trigger("system_refresh")
        assert stack.wait("system_refresh", run_id) == "success"
        return {name: stack.report_after(f"export__{name}", run_id) for name in ("loyal", "purchases")}


def test_segments_arrive_exactly(refreshed: dict[str, dict[str, Any]], cdnow: Cdnow) -> None:
    for feed, members in (("loyal", cdnow.buyers(5)), ("loyal-spenders", cdnow.buyers(5, 500))):
        rows = csv_rows(refreshed["loyal"], feed)
        assert [row["customer_id"] for row in rows] == sorted(members)
        assert {row["customer_id"]: row["first_purchase"] for row in rows} == {
            who: cdnow.first_purchases[who].isoformat() for who in members
        }


def test_a_dataset_arrives_exactly(refreshed: dict[str, dict[str, Any]], cdnow: Cdnow) -> None:
    rows = [
        json.loads(line)
        for part in parts(refreshed["purchases"], "purchases")
        for line in gzip.decompress(part.read_bytes()).splitlines()
    ]
    assert len(rows) == 69_659
    got = [(r["customer_id"], r["date"], r["number_of_cds"], r["dollar_value"]) for r in rows]
    assert got == [(p.customer_id, p.date.isoformat(), p.number_of_cds, p.dollar_value) for p in cdnow.purchases]


def test_the_reports_add_up(refreshed: dict[str, dict[str, Any]]) -> None:
    report = refreshed["purchases"]
    manifest, _ = manifest_of(report)
    assert (report["files"], report["records"], report["bytes"]) == (14, 69_659, manifest.bytes)


def test_a_broken_export_hides_no_other_and_says_where(stack: Stack) -> None:
    stack.wait_for_dag("export__broken")
    page = stack.rest.get("dags/export__broken/details")["doc_md"]
    assert "exports/broken.yaml:2:13" in page
    assert "did you mean: drop" in page
    (error,) = stack.import_errors()
    assert error["filename"] == "declarations.py"
    assert "exports/broken.yaml:2:13" in error["stack_trace"]


def test_a_dry_run_sends_nothing(stack: Stack) -> None:
    before = csv_parts(stack)
    run_id = stack.trigger("export__many_parts", conf={"dry_run": True})
    assert stack.wait("export__many_parts", run_id) == "success"
    states = {ti["task_id"]: ti["state"] for ti in stack.task_instances("export__many_parts", run_id)}
    assert (states["extract"], states["upload"], states["publish"]) == ("success", "skipped", "skipped")
    assert csv_parts(stack) == before


def test_missing_data_fails_at_extract_and_names_the_declaration(stack: Stack) -> None:
    run_id = stack.trigger("export__no_data")
    assert stack.wait("export__no_data", run_id) == "failed"
    tries = {ti["task_id"]: (ti["state"], ti["try_number"]) for ti in stack.task_instances("export__no_data", run_id)}
    assert tries["extract"] == ("failed", 1), "a declaration that cannot work is not tried again"
    log = stack.log("export__no_data", run_id, "extract")
    assert "catalog/datasets.yaml:11" in log
    assert "no file or folder at" in log
    assert not [name for name in stack.delivered() if "nowhere" in name or "missing" in name]


def test_a_killed_upload_is_retried_and_delivers_every_row_once(stack: Stack, cdnow: Cdnow) -> None:
    run_id = stack.trigger("export__many_parts")
    folder = stack.deliveries / "drop" / "purchases"
    already = len(list(folder.rglob("part-*.csv.gz")))
    pid = wait_until(lambda: stack.running_pid("export__many_parts", run_id, "upload"))
    wait_until(lambda: len(list(folder.rglob("part-*.csv.gz"))) > already + 200)
    os.kill(pid, signal.SIGKILL)
    sent = len(list(folder.rglob("part-*.csv.gz"))) - already
    assert stack.wait("export__many_parts", run_id) == "success"
    (upload,) = [ti for ti in stack.task_instances("export__many_parts", run_id) if ti["task_id"] == "upload"]
    assert upload["try_number"] == 2, "the kill came too late to interrupt anything"
    assert sent < 3483
    report = stack.xcom("export__many_parts", run_id, "publish")
    rows = [(row["customer_id"], row["date"]) for row in csv_rows(report, "purchases")]
    assert rows == [(p.customer_id, p.date.isoformat()) for p in cdnow.purchases]
    assert not list(folder.rglob("*.tmp")), "the killed process has left something unfinished"


def wait_until(ready: Any, timeout: float = PATIENCE) -> Any:
    deadline = time.monotonic() + timeout
    while time.monotonic() < deadline:
        if value := ready():
            return value
        time.sleep(0.05)
    raise AssertionError("it did not come to that in time")
