"""The authorization matrix: every route, every role, and the connection an export is on."""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any

import pytest
from fastapi.dependencies.models import Dependant
from fastapi.routing import APIRoute

from sluice.access.verbs import VERBS, Who
from sluice.page.app import app
from sluice.page.asking import Allowed
from sluice.page.world import World
from sluice.runs.journal import Journal
from sluice.runs.record import Record
from tests import pages
from tests.builders import NOW
from tests.pages import ANNA, EXPORT, FILES, LOCAL, NORA, PREFIX, ROOT, VERA, Page
from tests.unit.airflow.scheduler import make_tables

pytestmark = pytest.mark.slow  # each test is a project, an API and its requests

WHO = {"administrator": ROOT, "contributor": ANNA, "viewer": VERA, "nobody": NORA}
ON = {"own": "mine", "shared": "both", "others": "theirs"}
"""The connections by the contributor's roles, each with an export on it."""

ALL = {"administrator": "yes yes yes", "contributor": "yes yes yes", "viewer": "yes yes yes", "nobody": "no no no"}
SHARED = {"administrator": "yes yes yes", "contributor": "yes yes no", "viewer": "no no no", "nobody": "no no no"}
ADMINS = {"administrator": "yes yes yes", "contributor": "no no no", "viewer": "no no no", "nobody": "no no no"}
"""On the contributor's own connection, on one that is shared with others too, and on one of others only."""
LISTED = {
    "administrator": "yes yes yes",
    "contributor": "yes yes skip",
    "viewer": "skip skip skip",
    "nobody": "no no no",
}
"""Of actions on a selection: `skip` answers for the whole selection, and leaves this export out."""

MATRIX: dict[str, dict[str, str]] = {
    "GET /me": ALL,
    "GET /openapi.json": ALL,
    "GET /exports": ALL,
    "GET /exports/{name}": ALL,
    "POST /exports": SHARED,
    "PUT /exports/{name}": SHARED,
    "POST /exports/{name}/duplicate": SHARED,
    "POST /exports/{name}/rename": SHARED,
    "POST /exports/{name}/feeds": SHARED,
    "POST /actions/schedule": LISTED,
    "POST /actions/detach": LISTED,
    "POST /actions/attach": LISTED,
    "POST /actions/remove": LISTED,
    "POST /actions/run": LISTED,
    "POST /actions/run-all": ALL,
    "POST /drafts/check": ALL,
    "POST /drafts/text": ALL,
    "POST /drafts/preview": SHARED,
    "GET /schema/{family}": ALL,
    "GET /import/workbench": ADMINS,
    "POST /import/workbench": ADMINS,
    "GET /connections": ALL,
    "GET /destinations": ALL,
    "POST /connections": ADMINS,
    "PUT /connections/{name}": ADMINS,
    "POST /connections/{name}/remove": ADMINS,
    "POST /connections/{name}/test": ADMINS,
    "GET /exports/{name}/runs": ALL,
    "GET /exports/{name}/runs/{run}": ALL,
    "GET /exports/{name}/runs/{run}/manifest": ALL,
    "GET /exports/{name}/runs/{run}/receipts": ALL,
    "GET /exports/{name}/timeline": ALL,
    "GET /exports/{name}/watermark": ALL,
    "PUT /exports/{name}/watermark": ADMINS,
    "POST /exports/{name}/backfill": SHARED,
    "POST /exports/{name}/runs/{run}/cancel": SHARED,
    "POST /exports/{name}/runs/{run}/release": SHARED,
    "POST /exports/{name}/runs/{run}/resend": SHARED,
    "POST /exports/{name}/runs/{run}/verify": SHARED,
    "GET /catalog/datasets": ALL,
    "GET /catalog/datasets/{dataset}/columns": ALL,
    "GET /catalog/segments": ALL,
    "GET /catalog/segments/{segment}/members": ALL,
    "GET /system": ALL,
    "POST /system/refresh": ADMINS,
    "POST /system/check": ADMINS,
    "GET /usage": ALL,
    "GET /audit": ADMINS,
}
"""What each route answers."""
RUNS = {"cancel": "going__1", "release": "held__1"}
"""The run that a route acts on: one in progress, or a held one; any other route, one that was delivered."""
INCREMENTAL = {
    "catalog/datasets.yaml": FILES["catalog/datasets.yaml"].replace(
        "key: id", "key: id, incremental: {column: day}", 1
    ),
    **{
        file: text.replace("mode: full", "mode: incremental")
        for file, text in FILES.items()
        if file.startswith("exports/") and "ordrs" not in text
    },
}
"""Exports with watermarks."""


WORKBENCH = {
    "name": "Visits.export",
    "content": b64encode(
        b"""Query = SegmentExportQuery:
  Level = string: Customers
  Output Fields = vector: 1 items
    0 = ColumnDefinition:
      Field Name = string: id
  Output Format = string: csv
"""
    ).decode(),
}
"""An export of Data Workbench."""


@cache
def routes() -> dict[str, APIRoute]:
    found = [route for route in app(World()).routes if isinstance(route, APIRoute)]
    return {f"{method} {route.path.removeprefix(PREFIX)}": route for route in found for method in route.methods or ()}


def body_of(page: Page, route: str, connection: str) -> Any:
    """A valid body of a request that concerns the export on this connection, or the connection itself."""
    name = ON[connection]
    text, tag = EXPORT.format(connection), page.world.store.get("export", name).tag
    of_connection = page.world.store.get("connection", connection).tag
    feed = {"kind": "dataset-export", "connection": connection, "datasets": ["orders"], "mode": "full"}
    return {
        "POST /exports": {"name": "new", "text": text},
        "PUT /exports/{name}": {"text": text + "retries: 3\n", "tag": tag},
        "POST /exports/{name}/duplicate": {"new": "new"},
        "POST /exports/{name}/rename": {"new": "new", "tag": tag},
        "POST /exports/{name}/feeds": {"add": ["returns"], "tag": tag},
        "POST /actions/schedule": {"exports": [name], "schedule": "off"},
        "POST /actions/attach": {"exports": [name], "connection": connection},
        "POST /drafts/check": {"name": name, "text": text},
        "POST /drafts/text": {"values": feed},
        "POST /drafts/preview": {"name": name, "text": text},
        "POST /import/workbench": {"exports": [WORKBENCH], "write": True},
        "POST /connections": {"name": "new", "text": LOCAL.format("marketing")},
        "PUT /connections/{name}": {"text": FILES[f"connections/{connection}.yaml"] + "# x\n", "tag": of_connection},
        "POST /connections/{name}/remove": {"tag": of_connection},
        "POST /exports/{name}/backfill": {"after": "2026-01-01T06:00:00Z", "until": "2026-01-03T06:00:00Z"},
        "PUT /exports/{name}/watermark": {"value": None, "seen": None},
    }.get(route, {"exports": [name]} if "/actions/" in route else {})


def ask(page: Page, route: str, who: str, connection: str) -> str:
    """`yes`, `no`, or `skip`. What is refused or skipped changes nothing and starts nothing."""
    method, path = route.split(" ")
    body = body_of(page, route, connection)
    name = connection if path.startswith("/connections") else ON[connection]
    run = RUNS.get(path.rpartition("/")[2], "manual__1")
    path = path.format(name=name, run=run, dataset="orders", segment="rich", family="export")
    page.actor, before = WHO[who], (page.texts(), len(page.rest.started))
    answer = page.client.request(method, PREFIX + path, json=None if method == "GET" else body)
    found = answer.json()
    if answer.status_code == 403:
        verdict = "no"
    elif isinstance(found, dict) and found.get("skipped"):
        verdict = "skip"
        assert [(one["name"], "may not" in one["why"]) for one in found["skipped"]] == [(name, True)]
    else:
        verdict = "yes"
        in_use = route == "POST /connections/{name}/remove"
        assert answer.status_code == (422 if in_use else routes()[route].status_code or 200), answer.text
    assert verdict == "yes" or (page.texts(), len(page.rest.started)) == before
    return verdict


@pytest.fixture(scope="module")
def database() -> None:
    """An Airflow without DAGs."""
    make_tables()


@pytest.fixture
def ready(tmp_path: Path, database: None) -> Callable[[str], Page]:
    """A page on which an administrator gets an answer of the route."""

    def make(route: str) -> Page:
        marked = "watermark" in route or "backfill" in route
        page = pages.page(tmp_path, INCREMENTAL if marked else {})
        page.rest.known = [*ON.values(), "people", "system_refresh"]
        if "{run}" in route:
            ran(page)
        return page

    return make


def ran(page: Page) -> None:
    """Each export has delivered once, and was held once."""
    built: Any = page.world.connections
    journal = Journal.of(page.world.settings.staging, built)
    for connection, name in ON.items():
        report = built.run(name)
        known = {"export": name, "connection": connection, "ended": NOW, "recorded": NOW}
        for run, outcome in (("manual__1", "published"), ("held__1", "held")):
            delivered = {"run": run, "flow_run_id": report.flow_run_id, "outcome": outcome, "manifest": report.manifest}
            journal.append(Record.model_validate(known | delivered))


@pytest.mark.parametrize("route", MATRIX)
def test_matrix(ready: Callable[[str], Page], route: str) -> None:
    page = ready(route)
    files = page.texts()
    for at, connection in enumerate(ON):
        for who in ("nobody", "viewer", "contributor", "administrator"):
            asked = f"{route}, {who}, {connection}"
            assert (asked, ask(page, route, who, connection)) == (asked, MATRIX[route][who].split(" ")[at])
            restore(page, files)


def restore(page: Page, files: dict[str, str]) -> None:
    if page.texts() == files:
        return
    for file in page.texts().keys() - files.keys():
        (page.include / file).unlink()
    for file, text in files.items():
        (page.include / file).write_text(text)
    page.world.changed()


BULK = {
    "schedule": {"schedule": "off"}, "detach": {}, "attach": {"connection": "own"}, "remove": {}, "run": {},
}  # fmt: skip
MAY = {"administrator": ["mine", "both", "theirs"], "contributor": ["mine", "both"], "viewer": []}


@pytest.mark.parametrize("action", BULK)
def test_a_selection_changes_for_those_exports_only_that_the_user_may_change(
    ready: Callable[[str], Page], action: str
) -> None:
    page = ready(action)
    files = page.texts()
    for who, own in MAY.items():
        found = page.post(f"/actions/{action}", {"exports": [*ON.values()], **BULK[action]}, WHO[who]).json()
        assert found["done"] == own
        assert [one["name"] for one in found["skipped"]] == [name for name in ON.values() if name not in own]
        changed = {file for file, text in files.items() if page.texts().get(file) != text}
        assert changed <= {f"exports/{name}.yaml" for name in own}
        assert len(page.rest.started) == (len(own) if action == "run" else 0)
        page.rest.started.clear()
        restore(page, files)


def test_all_are_started_that_are_active_and_that_the_user_may_start(ready: Callable[[str], Page]) -> None:
    page = ready("run-all")
    for name in ("both", "theirs"):
        with (page.include / f"exports/{name}.yaml").open("a") as file:
            file.write('schedule: {daily: "06:00", end: 2031-12-31}\n')
    page.world.changed()
    for who, own in MAY.items():
        found = page.post("/actions/run-all", {}, WHO[who]).json()
        assert (sorted(found["done"]), found["skipped"]) == (sorted([*own, *(["people"] if own else [])]), [])


def test_no_route_is_missing() -> None:
    assert set(MATRIX) == set(routes())


@pytest.mark.parametrize("route", MATRIX)
def test_every_route_asks_before_it_acts(route: str) -> None:
    (asked,) = _allowed(routes()[route].dependant)
    verb = asked.verb
    own = MATRIX[route]
    if own is ADMINS:
        assert verb.who is Who.ADMINISTRATORS
    elif verb.who is not Who.EVERYONE:
        assert (verb.who, own) == (Who.SHARED, SHARED)
    assert verb in VERBS.values()


def _allowed(dependant: Dependant) -> list[Allowed]:
    own = [dependant.call] if isinstance(dependant.call, Allowed) else []
    return own + [found for one in dependant.dependencies for found in _allowed(one)]
