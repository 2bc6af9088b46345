"""A real Airflow with 1,000 exports runs for 15 minutes with nothing stale, while declarations are edited. Prints after
how many seconds an edit was live, which docs/deploying.md repeats. `MINUTES`, `EXPORTS` and `SHARDS` change the numbers
in the environment."""

from __future__ import annotations

import os
import random
import statistics
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from benchmarks.parse import EXPORT, declare
from local.airflow import Airflow
from local.layout import Layout
from sluice.airflow.rest import Rest
from tests.integration.stack import until

MINUTES = float(os.environ.get("MINUTES", "15"))
EXPORTS = int(os.environ.get("EXPORTS", "1000"))
SHARDS = int(os.environ.get("SHARDS", "2"))
DAG_FILE = '"""One of several files of exports: DAG."""\n\nfrom sluice.airflow import exports\n\n{call}\n'
PATIENCE = 1800.0


class Many:
    """An Airflow over many exports, in several DAG files."""

    def __init__(self, folder: Path) -> None:
        declare(folder, EXPORTS)
        self.exports = folder / "include" / "exports"
        dags = folder / "dags"
        dags.mkdir()
        for shard in range(1, SHARDS + 1):
            call = f"exports(globals(), shard={shard}, of={SHARDS})"
            (dags / f"exports_{shard}.py").write_text(DAG_FILE.format(call=call))
        settings = folder / "airflow_settings.yaml"
        settings.write_text("airflow: {connections: []}\n")
        environment = {"AIRFLOW__CORE__DAGS_ARE_PAUSED_AT_CREATION": "True"}  # this is not about their runs
        self.airflow = Airflow(
            Layout(
                home=folder / "home",
                root=folder,
                include=folder / "include",
                dags=dags,
                settings=settings,
                port=0,
                environment=environment,
            )
        )

    def start(self) -> None:
        address = self.airflow.start()
        self.rest = Rest(address.url, address.user, address.password)
        until("every export", lambda: len(self.known()) == EXPORTS, PATIENCE)

    def known(self) -> dict[str, Any]:
        """The title of every DAG that is not stale."""
        return {
            dag["dag_id"]: dag["dag_display_name"] for dag in self.rest.every("dags", "dags") if not dag["is_stale"]
        }

    def title(self, name: str) -> str:
        dag = self.rest.get(f"dags/export__{name}")
        return "" if dag["is_stale"] else str(dag["dag_display_name"])

    def write(self, name: str, title: str) -> None:
        text = EXPORT.format(number=0, hour=3, minute=0).replace("Number 0", title)
        (self.exports / f"{name}.yaml").write_text(text)


@pytest.fixture
def many(tmp_path: Path) -> Iterator[Many]:
    many = Many(tmp_path / "project")
    try:
        many.start()
        yield many
    finally:
        many.airflow.stop()


def test_nothing_is_stale_in_a_real_airflow_with_many_exports(
    many: Many, record_property: Callable[[str, object], None]
) -> None:
    chance, live, ends = random.Random(1), [], time.monotonic() + MINUTES * 60
    while time.monotonic() < ends:
        name, title = f"e{chance.randrange(EXPORTS):05d}", f"Edited {len(live)}"
        began = time.monotonic()
        many.write(name, title)
        until(f"{name} to be {title}", lambda: many.title(name).startswith(title), PATIENCE)  # noqa: B023
        live.append(time.monotonic() - began)
        known = many.known()
        assert len(known) == EXPORTS, "a DAG is missing or stale"
        assert list(many.rest.every("importErrors", "import_errors")) == []
        time.sleep(chance.uniform(0, 15))  # at any moment of the DAG processor's round
    many.airflow.ensure_alive()
    told = (
        f"{EXPORTS:,} exports in {SHARDS} files, {MINUTES:.0f} minutes: {len(live)} edits live after "
        f"{statistics.median(live):.0f} s in the middle, {max(live):.0f} s at most; none stale"
    )
    print(told)
    record_property("told", told)
