"""The Airflow under the browser: the FAB auth manager, a scheduler, and a user for each role."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import httpx
import pyarrow as pa
import pyarrow.parquet as pq

from local.airflow import REPOSITORY, Airflow
from local.layout import Layout
from sluice.access.roles import wanted
from sluice.airflow import runs
from sluice.airflow.names import dag_id
from sluice.airflow.rest import Rest
from sluice.airflow.roles import FabRoles
from sluice.airflow.runs import Run
from sluice.definition.load import load
from sluice.definition.models.connection import VIEWER
from sluice.definition.models.schedule import SYSTEM_REFRESH
from tests.integration.stack import PATIENCE, until
from tests.servers.fab import OPTIONS, PASSWORD

PROJECT = Path(__file__).parent / "project"
USERS = {"admin": ("Admin",), "contributor": ("marketing", VIEWER), "viewer": (VIEWER,), "nobody": ()}
"""The roles of each user. The connection `partner-drop` is shared with `marketing`."""


class FabAirflow(Airflow):
    """A local Airflow whose users and roles are FAB's."""

    def _prepare(self, env: dict[str, str], say: Any) -> None:
        super()._prepare(env, say)
        code = f"from tests.servers.airflow_store import _add_admin; _add_admin({PASSWORD!r})"
        subprocess.run([sys.executable, "-c", code], env=env, cwd=REPOSITORY, check=True, capture_output=True)


class PageAirflow:
    """The Airflow, over a copy of `tests/browser/project`."""

    def __init__(self, folder: Path) -> None:
        self.root = folder / "project"
        shutil.copytree(PROJECT, self.root)
        write_lake(self.root / "lake")
        layout = Layout(
            home=folder / "home",
            root=self.root,
            include=self.root / "include",
            settings=self.root / "airflow_settings.yaml",
            port=0,
            reparse=30,
            environment={
                **{name: value for name, value in OPTIONS.items() if name.startswith("AIRFLOW__")},
                "AIRFLOW__WORKERS__MISSING_DAG_RETRY_DELAY": "2",
                "AIRFLOW__SCHEDULER__SCHEDULER_IDLE_SLEEP_TIME": "0.7",
            },
        )
        self._tokens: dict[str, str] = {}
        self.include = layout.include
        self.layout = layout
        self.airflow = FabAirflow(layout)

    def start(self) -> None:
        """Start it, with the users and the roles that the declarations ask for."""
        self.url = self.airflow.start().url
        self.rest = Rest(self.url, "admin", PASSWORD)
        needed = wanted(load(self.include).project)
        fab = FabRoles(self.rest)
        for role, permissions in needed.items():
            fab.create(role, permissions)
        fab.record(sorted(needed), first=True)
        for name, roles in USERS.items():
            if name != "admin":
                self._add_user(name, roles)
        until("the DAGs", lambda: self.knows("seniors") and self.knows("misspelt"))
        until("the rights on them", lambda: self.may("contributor", "adults"))
        self.refresh()

    def stop(self) -> None:
        self.airflow.stop()

    def refresh(self) -> None:
        """Run the system refresh to its end: segments have members."""
        refresh = runs.trigger(self.rest, SYSTEM_REFRESH)
        until("the system refresh to end", lambda: runs.state(self.rest, refresh) in runs.ENDED)
        assert runs.state(self.rest, refresh) == "success"

    def knows(self, export: str) -> bool:
        """Whether Airflow has parsed the export."""
        found = {dag["dag_id"] for dag in self.rest.every("dags", "dags", exclude_stale=False)}
        return dag_id(export) in found

    def may(self, user: str, export: str) -> bool:
        """Whether Airflow gives a user the right to see an export's DAG. It stores rights after the DAG."""
        headers = {"Authorization": f"Bearer {self.token(user)}"}
        return httpx.get(f"{self.url}/api/v2/dags/{dag_id(export)}", headers=headers, timeout=60).is_success

    def declare(self, file: str, text: str) -> Path:
        """Replace a declaration atomically, as editors do. A reader sees the old file or the new one."""
        path = self.include / file
        new = path.with_suffix(".new")
        new.write_text(text)
        return new.replace(path)

    def token(self, user: str) -> str:
        """A token of the user, for the cookie `_token`. To check a password takes FAB a third of a second."""
        if user not in self._tokens:
            login = {"username": user, "password": PASSWORD}
            self._tokens[user] = str(self.rest.send("POST", "/auth/token", login).json()["access_token"])
        return self._tokens[user]

    def run(self, export: str, conf: dict[str, Any] | None = None) -> str:
        """Run an export to its end. Returns the run id."""
        run = runs.trigger(self.rest, dag_id(export), conf)
        self.ended(export, run.run_id)
        return run.run_id

    def ended(self, export: str, run_id: str, timeout: float = PATIENCE) -> str:
        """Wait for the end of a run. Returns its state."""

        def ended() -> str | None:
            state = runs.state(self.rest, Run(dag_id(export), run_id))
            return state if state in runs.ENDED else None

        return until(f"{export} {run_id} to end", ended, timeout)

    def _add_user(self, name: str, roles: tuple[str, ...]) -> None:
        person = {"username": name, "email": f"{name}@example.com", "first_name": name, "last_name": name}
        # FAB gives a user without roles the public one.
        body = person | {"roles": [{"name": role} for role in roles or ("Public",)], "password": PASSWORD}
        self.rest.send("POST", "/auth/fab/v1/users", body)


def write_lake(lake: Path) -> None:
    """400 customers and 60,000 orders."""
    ids = list(range(400))
    customers = {
        "id": ids,
        "name": [f"Customer {number}" for number in ids],
        "email": [f"c{number}@example.com" for number in ids],
        "age": [10 + number % 80 for number in ids],
    }
    write(lake / "customers" / "all.parquet", customers)
    numbers = list(range(60_000))
    start = 1_700_000_000_000_000
    orders = {
        "id": numbers,
        "customer": [number % 400 for number in numbers],
        "at": pa.array([start + number * 1_000_000 for number in numbers], pa.timestamp("us", tz="UTC")),
    }
    write(lake / "orders" / "all.parquet", orders)


def write(file: Path, columns: dict[str, Any]) -> None:
    file.parent.mkdir(parents=True)
    pq.write_table(pa.table(columns), file)
