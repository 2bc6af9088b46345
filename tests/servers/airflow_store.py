"""What Airflow makes of a folder of declarations: its DAG processor's own steps, into a real metadata database.

`python -m tests.servers.airflow_store` reads paths of folders from standard input, one a line, and writes a line of
JSON for each. One process for many folders: importing Airflow and making its tables takes seconds.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import traceback
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from local import postgres
from local.airflow import environment
from local.layout import Layout
from local.process import Process

BUNDLE = "dags-folder"


@dataclass(frozen=True)
class Stored:
    """What is in the database after one parse of the three files of DAGs."""

    dags: dict[str, list[str]] = field(default_factory=dict)
    """The tags of each DAG that can be read from the database again, by its id."""
    errors: dict[str, str] = field(default_factory=dict)
    """Import errors by their file."""
    refused: str = ""
    """Why the database refused all of them: the traceback."""


class AirflowStore:
    """Airflow's side, as a process."""

    def __init__(self, process: subprocess.Popen[str], log: Path, layout: Layout, database: str) -> None:
        self._process = process
        self._log = log
        self.layout, self.database = layout, database

    def store(self, include: Path) -> Stored:
        """Parse the DAGs of a folder of declarations, and store them."""
        assert self._process.stdin
        assert self._process.stdout
        self._process.stdin.write(f"{include}\n")
        self._process.stdin.flush()
        answer = self._process.stdout.readline()
        assert answer, f"the process has ended:\n{self._log.read_text()[-4000:]}"
        return Stored(**json.loads(answer))


@contextmanager
def airflow_store(folder: Path, options: Mapping[str, str] | None = None) -> Iterator[AirflowStore]:
    """A PostgreSQL of the local Airflow's kind and a process that stores DAGs in it, until the block ends. `options`
    are further variables of the environment."""
    layout = Layout(home=folder, port=0, environment=dict(options or {}))
    database = postgres.start(layout)
    log = folder / "store.log"
    try:
        env = environment(layout, "http://127.0.0.1:1", database)
        env["AIRFLOW__CORE__MIN_SERIALIZED_DAG_UPDATE_INTERVAL"] = "0"  # it would keep what it stored a moment ago
        argv = [sys.executable, "-m", "tests.servers.airflow_store"]
        with log.open("w") as errors:
            process = subprocess.Popen(
                argv, env=env, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=errors, text=True
            )
        with process:
            yield AirflowStore(process, log, layout, database)
            assert process.stdin
            process.stdin.close()
    finally:
        postgres.stop(Process.recorded(layout.run / "postgres.json"))


def _store(include: str) -> Stored:
    """The steps of the DAG processor: parse, serialise, write; then the database is read, as the scheduler does."""
    import structlog
    from airflow.dag_processing.collection import update_dag_parsing_results_in_db
    from airflow.dag_processing.dagbag import BundleDagBag
    from airflow.dag_processing.processor import _serialize_dags
    from airflow.utils.session import create_session

    os.environ["SLUICE_INCLUDE"] = include
    bag = BundleDagBag(dag_folder=Layout.dags, bundle_path=Layout.dags, bundle_name=BUNDLE, load_op_links=False)
    serialised, errors = _serialize_dags(bag, structlog.get_logger())
    found = {(BUNDLE, file): error for file, error in {**bag.import_errors, **errors}.items()}
    files = {(BUNDLE, file.name) for file in Layout.dags.glob("*.py")}
    try:
        with create_session() as session:
            update_dag_parsing_results_in_db(
                BUNDLE, None, serialised, found, None, set(), session=session, files_parsed=files
            )
    except Exception:
        return Stored({}, {}, traceback.format_exc())
    return Stored(_read_again(set(bag.dags)), _import_errors())


def _read_again(dag_ids: set[str]) -> dict[str, list[str]]:
    from airflow.models.dag import DagModel
    from airflow.models.dagbag import DBDagBag
    from airflow.utils.session import create_session
    from sqlalchemy import select

    with create_session() as session:
        known = session.scalars(select(DagModel.dag_id).where(DagModel.dag_id.in_(dag_ids), ~DagModel.is_stale))
        dags: dict[str, Any] = {name: DBDagBag().get_latest_version_of_dag(name, session=session) for name in known}
        return {name: sorted(dag.tags) for name, dag in dags.items() if dag is not None}


def _import_errors() -> dict[str, str]:
    from airflow.models.errors import ParseImportError
    from airflow.utils.session import create_session
    from sqlalchemy import select

    with create_session() as session:
        return {str(error.filename): str(error.stacktrace) for error in session.scalars(select(ParseImportError))}


def _add_admin(password: str) -> None:
    """The roles that FAB brings, and a user `admin`."""
    from airflow.providers.fab.auth_manager.cli_commands.utils import get_application_builder

    with get_application_builder() as builder:
        builder.sm.sync_roles()
        builder.sm.add_user("admin", "A", "B", "admin@example.com", builder.sm.find_role("Admin"), password)


def main() -> None:
    # Airflow logs to standard output too: answers go to a copy of it, and logs to standard error.
    out = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)
    from airflow.dag_processing.bundles.manager import DagBundlesManager
    from airflow.utils.db import upgradedb

    upgradedb()
    DagBundlesManager().sync_bundles_to_db()
    if password := os.environ.get("FAB_ADMIN"):
        _add_admin(password)
    for line in sys.stdin:
        stored = _store(line.rstrip("\n"))
        print(json.dumps(vars(stored)), file=out, flush=True)


if __name__ == "__main__":
    main()
