"""An Airflow with the FAB auth manager: its metadata database, its API server, and what stores DAGs. No scheduler."""

from __future__ import annotations

import signal
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from local.airflow import COMMANDS, PATIENCE, environment
from local.ports import LOOPBACK, free_port
from local.process import Process
from sluice.airflow.rest import Outage, Rest
from sluice.errors import RetriableError
from tests.servers.airflow_store import AirflowStore, airflow_store

PASSWORD = "fab-of-the-tests"
OPTIONS = {
    "AIRFLOW__CORE__AUTH_MANAGER": "airflow.providers.fab.auth_manager.fab_auth_manager.FabAuthManager",
    "AIRFLOW__FAB__CACHE_TTL": "0",  # permissions are cached for 30 s
    "FAB_ADMIN": PASSWORD,
    "_AIRFLOW_PROCESS_CONTEXT": "server",  # the process that stores DAGs reads variables as the DAG processor does
}


@dataclass
class Fab:
    """The Airflow. Every user has the same password."""

    store: AirflowStore
    url: str
    server: Process

    @cached_property
    def admin(self) -> Rest:
        return self.login("admin")

    def login(self, user: str) -> Rest:
        return Rest(self.url, user, PASSWORD, outage=Outage(30, meanwhile=self.server.ensure_alive))

    def add_user(self, name: str, *roles: str) -> Rest:
        """A user with these roles, logged in."""
        person = {"username": name, "email": f"{name}@example.com", "first_name": name, "last_name": name}
        body = person | {"roles": [{"name": role} for role in roles], "password": PASSWORD}
        self.admin.send("POST", "/auth/fab/v1/users", body)
        return self.login(name)


@contextmanager
def fab(folder: Path, options: Mapping[str, str] | None = None) -> Iterator[Fab]:
    """Running until the block ends. `options` are further variables of its environment."""
    with airflow_store(folder, OPTIONS | dict(options or {})) as store:
        url = f"http://{LOOPBACK}:{free_port()}"
        env = environment(store.layout, url, store.database)
        argv = [sys.executable, "-m", "airflow", *COMMANDS["api-server"]]
        store.store(folder / "none")  # its tables are there once it has answered
        server = Process.start("api-server", argv, run=store.layout.run, logs=store.layout.logs, env=env)
        try:
            _wait(Rest(url), server)
            yield Fab(store, url, server)
        finally:
            server.stop(sign=signal.SIGKILL)  # it would take ten seconds, and its database goes too


def _wait(rest: Rest, server: Process) -> None:
    deadline = time.monotonic() + PATIENCE
    while time.monotonic() < deadline:
        try:
            rest.health()
        except RetriableError:
            server.ensure_alive()
            time.sleep(0.3)
        else:
            return
    raise AssertionError(server.log.read_text()[-4000:])
