"""The DAGs as Airflow gets them. No test changes them, or the folder that they are made of."""

from __future__ import annotations

import pytest
from airflow.sdk import DAG

from sluice.airflow.dags import export_dags
from tests.builders import World
from tests.unit.airflow.dags.declared import FILES


@pytest.fixture(scope="session")
def world(tmp_path_factory: pytest.TempPathFactory) -> World:
    world = World(tmp_path_factory.mktemp("dags"))
    world.declare(FILES)
    return world


@pytest.fixture(scope="session")
def dags(world: World) -> dict[str, DAG]:
    return {dag.dag_id: dag for dag in export_dags(world.include, None)}
