"""One PostgreSQL and one Spark for all of these tests."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import ExitStack, closing
from pathlib import Path

import pytest

from sluice.model.access import SparkAccess
from tests.contract.engines.worlds import InPostgres, InSpark, World
from tests.servers import spark
from tests.servers.fleet import Fleet
from tests.servers.postgres import Database


@pytest.fixture(scope="package")
def in_postgres() -> Iterator[InPostgres]:
    with closing(Database()) as database:
        yield InPostgres(database)


@pytest.fixture(scope="package")
def in_spark(tmp_path_factory: pytest.TempPathFactory, fleet: Fleet) -> Iterator[InSpark]:
    """By an Airflow connection, as every refresh finds it."""
    with spark.server(tmp_path_factory.mktemp("spark")) as port, ExitStack() as running:
        declared = {"conn_type": "spark_connect", "host": "sc://127.0.0.1", "port": port, "login": "ann"}
        server = fleet.get(fleet.connect("spark_cluster", json.dumps(declared)))
        assert isinstance(server, SparkAccess)
        yield InSpark(server, tmp_path_factory.mktemp("lake"), running)


@pytest.fixture
def world(tmp_path: Path, in_postgres: InPostgres) -> World:
    return in_postgres.world(tmp_path)


@pytest.fixture
def lake(tmp_path: Path, in_spark: InSpark) -> World:
    return in_spark.world(tmp_path)
