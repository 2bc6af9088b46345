"""What tests of the page's API build: a project in a folder, people with roles, and a client of the application."""

from __future__ import annotations

from collections.abc import MutableMapping
from dataclasses import dataclass, field
from datetime import datetime
from functools import cache
from pathlib import Path
from typing import Any

import pyarrow as pa
from fastapi import FastAPI, Request
from fastapi.testclient import TestClient

from sluice.access.actor import Actor
from sluice.overview.row import InAirflow
from sluice.page.app import app
from sluice.page.asking import actor_of, world_of
from sluice.page.loopback import airflow_of
from sluice.page.world import World
from tests import builders

PREFIX = "/api/v1"
LOCAL = "type: local\nairflow_conn_id: out\nshared_with: [{}]\n"
EXPORT = "kind: dataset-export\nconnection: {}\ndatasets: [orders]\nmode: full\n"
FILES = {
    "project.yaml": "staging: {airflow_conn_id: sluice_staging, path: staging}\n",
    "connections/own.yaml": "title: Ours\nfolder: inbox\n" + LOCAL.format("marketing"),
    "connections/shared.yaml": LOCAL.format("marketing, finance"),
    "connections/others.yaml": "title: Theirs\nfolder: secret-corner\n" + LOCAL.format("finance"),
    "catalog/datasets.yaml": """\
orders: {kind: event, key: id, source: {type: parquet, airflow_conn_id: lake, path: orders}}
returns: {kind: event, key: id, source: {type: parquet, airflow_conn_id: lake, path: orders}}
customers: {kind: profile, key: id, source: {type: parquet, airflow_conn_id: lake, path: customers}}
""",
    "catalog/segments.yaml": "rich: {dataset: customers, where: id > 1}\n",
    "exports/mine.yaml": "# Ours.\n" + EXPORT.format("own") + 'schedule: {daily: "06:00", end: 2031-12-31}\n',
    "exports/both.yaml": EXPORT.format("shared"),
    "exports/theirs.yaml": EXPORT.format("others"),
    "exports/people.yaml": """\
kind: segment-export
connection: own
segments: [rich]  # who spend
fields: [id, {field: email, as: mail}]
""",
    "exports/broken.yaml": "kind: dataset-export\nconnection: own\ndatasets: [ordrs]\nmode: full\n",
}

ROOT = Actor("root", administrator=True)
ANNA = Actor("anna", frozenset({"marketing"}), email="anna@example.com")
VERA = Actor("vera", frozenset({"sluice-viewer"}))
NORA = Actor("nora")
"""An administrator, a contributor with `own` and `shared`, a viewer, and somebody without a role."""


@dataclass
class Rest:
    """Airflow's API as the page asks it: it knows the DAGs of these exports, and their runs by the first word of the
    id."""

    known: list[str] = field(default_factory=list)
    started: list[str] = field(default_factory=list)
    """What was written, by path."""

    def get(self, path: str, **_: Any) -> dict[str, Any]:
        match path.split("/"):
            case ["dags", _, "dagRuns", run]:
                state = "running" if run.startswith("going") else "success"
                return {"state": state, "start_date": "2026-03-09T04:05:00Z", "end_date": None, "conf": {}}
            case ["dags", dag]:
                return {"is_stale": dag.removeprefix("export__") not in self.known, "is_paused": False}
            case ["assets"]:
                return {"assets": []}
        raise AssertionError(f"this path is not known: {path}")

    def every(self, path: str, key: str, **_: Any) -> list[dict[str, Any]]:
        assert key in ("task_instances", "dag_runs"), path
        return []

    def every_posted(self, path: str, key: str, body: dict[str, Any]) -> list[dict[str, Any]]:
        return self.every(path, key, **body)

    def health(self) -> dict[str, dict[str, Any]]:
        return {"scheduler": {"status": "healthy"}}

    def post(self, path: str, body: dict[str, Any]) -> dict[str, Any]:
        self.started.append(path)
        return {"dag_run_id": f"manual__{len(self.started)}", "state": "queued", **body}

    def patch(self, path: str, body: dict[str, Any]) -> dict[str, Any]:
        self.started.append(path)
        return body


@dataclass
class Page:
    """A project and the API over it. `says` is what Airflow knows about the exports' DAGs."""

    include: Path
    world: World
    says: dict[str, InAirflow]
    rest: Rest
    actor: Actor = ROOT

    def __post_init__(self) -> None:
        self.client = TestClient(self._answer, raise_server_exceptions=False)

    async def _answer(self, scope: MutableMapping[str, Any], receive: Any, send: Any) -> None:
        await application()({**scope, "page": self}, receive, send)

    def get(self, path: str, actor: Actor = ROOT, **query: Any) -> Any:
        self.actor = actor
        return self.client.get(PREFIX + path, params=query)

    def post(self, path: str, body: Any, actor: Actor = ROOT) -> Any:
        self.actor = actor
        return self.client.post(PREFIX + path, json=body)

    def put(self, path: str, body: Any, actor: Actor = ROOT) -> Any:
        self.actor = actor
        return self.client.put(PREFIX + path, json=body)

    def text(self, file: str) -> str:
        return (self.include / file).read_text()

    def texts(self) -> dict[str, str]:
        """Every file of declarations."""
        return {str(path.relative_to(self.include)): path.read_text() for path in self.include.rglob("*.yaml")}

    def tag(self, name: str) -> str:
        return str(self.get(f"/exports/{name}").json()["tag"])

    def audit(self) -> list[tuple[str, ...]]:
        """What was recorded, oldest first."""
        entries = [entry for _, entry in self.world.audit.newest()]
        return [(one.actor, one.verb, ", ".join(one.subjects), one.outcome) for one in entries][::-1]


def page_of(request: Request) -> Page:
    found: Page = request.scope["page"]
    return found


def world_of_page(request: Request) -> World:
    return page_of(request).world


def actor_of_page(request: Request) -> Actor:
    return page_of(request).actor


def rest_of_page(request: Request) -> Rest:
    return page_of(request).rest


@cache
def application() -> FastAPI:
    """One for all pages, each of which comes with its requests: FastAPI takes a tenth of a second to make one."""
    made = app(World(Path("/none")))
    made.dependency_overrides |= {world_of: world_of_page, actor_of: actor_of_page, airflow_of: rest_of_page}
    return made


def page(root: Path, files: dict[str, str] | None = None) -> Page:
    """The project of `FILES` with some rows, and no run yet."""
    built = builders.World(root)
    built.declare({})
    for name, text in (FILES | (files or {})).items():
        path = built.include / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    built.dataset("orders", pa.table({"id": [1, 2, 3], "day": [datetime(2026, 3, 1)] * 3, "total": [1.5, None, 3.0]}))
    built.dataset("customers", pa.table({"id": [1, 2, 3], "email": ["a@x", None, "c@x"]}))
    for folder in ("sluice_staging", "out"):
        (root / folder).mkdir(exist_ok=True)
    says: dict[str, InAirflow] = {}
    return Page(built.include, World(built.include, built, lambda: says), says, Rest())
