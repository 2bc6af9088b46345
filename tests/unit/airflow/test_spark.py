"""Airflow connections of types `spark_connect` and `spark`: the fields of the Apache Spark provider, and no token in
any text."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from sluice.airflow.connections import AirflowConnections
from sluice.errors import DefinitionError
from sluice.model.access import Access, SparkAccess, SparkSubmitAccess

TOKEN = "a-bearer-token"


@pytest.fixture
def get(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Callable[..., Access]:
    def opened(**fields: Any) -> Access:
        monkeypatch.setenv("AIRFLOW_CONN_CLUSTER", json.dumps({"conn_type": "spark_connect", **fields}))
        return AirflowConnections(tmp_path / "none.yaml").get("cluster")

    return opened


@pytest.mark.parametrize(
    ("fields", "access"),
    [
        ({"host": "spark.local"}, SparkAccess("spark.local", 15002)),
        ({"host": "sc://spark.local", "port": 443}, SparkAccess("spark.local", 443)),
        ({"host": "sc://spark.local:7077/", "login": "ann"}, SparkAccess("spark.local", 7077, user="ann")),
        ({"host": "s", "extra": {"use_ssl": True}}, SparkAccess("s", 15002, use_ssl=True)),
        ({"host": "s", "password": TOKEN}, SparkAccess("s", 15002, token=TOKEN, use_ssl=True)),
        ({"host": "s", "password": TOKEN, "extra": {"use_ssl": "true"}}, SparkAccess("s", 15002, None, TOKEN, True)),
    ],
    ids=str,
)
def test_fields_become_an_address(get: Callable[..., Access], fields: dict[str, Any], access: SparkAccess) -> None:
    found = get(**fields)
    assert found == access
    assert TOKEN not in repr(found)


@pytest.mark.parametrize(
    ("fields", "lacks"),
    [
        ({}, "host"),
        ({"host": "http://spark.local"}, "host"),
        ({"host": "sc://ann:pw@spark.local"}, "host"),
        ({"host": "sc://spark.local/;token=x"}, "host"),
        ({"host": "spark.local:many"}, "host"),
        ({"host": "s", "password": TOKEN, "extra": {"use_ssl": False}}, "use_ssl"),
    ],
    ids=str,
)
def test_what_is_no_address_is_said(get: Callable[..., Access], fields: dict[str, Any], lacks: str) -> None:
    with pytest.raises(DefinitionError, match=lacks) as raised:
        get(**fields)
    assert TOKEN not in raised.value.page()


YARN = {"deploy-mode": "cluster", "queue": "marketing", "spark-binary": "spark3-submit"}


@pytest.mark.parametrize(
    ("fields", "access"),
    [
        ({"host": "spark.local", "port": 7077}, SparkSubmitAccess("spark://spark.local:7077")),
        ({"host": "spark://spark.local:7077"}, SparkSubmitAccess("spark://spark.local:7077")),
        ({"host": "spark://a:1,b:1"}, SparkSubmitAccess("spark://a:1,b:1")),
        ({"host": "local[*]"}, SparkSubmitAccess("local[*]")),
        ({"host": "yarn", "extra": YARN}, SparkSubmitAccess("yarn", "cluster", "marketing", binary="spark3-submit")),
        (
            {"host": "k8s://https://k.local", "port": 443, "extra": {"namespace": "n", "deploy-mode": "cluster"}},
            SparkSubmitAccess("k8s://https://k.local:443", "cluster", namespace="n"),
        ),
    ],
    ids=str,
)
def test_fields_become_options(get: Callable[..., Access], fields: dict[str, Any], access: SparkSubmitAccess) -> None:
    assert get(conn_type="spark", **fields) == access


@pytest.mark.parametrize(
    ("fields", "lacks"),
    [
        ({}, "host that is a master"),
        ({"host": "--conf=x"}, "host that is a master"),
        ({"host": "spark://ann:pw@spark.local"}, "host that is a master"),
        ({"host": "yarn --conf x"}, "host that is a master"),
        ({"host": "yarn", "extra": {"spark-binary": "/tmp/mine"}}, "spark-binary"),
        ({"host": "yarn", "extra": {"deploy-mode": "--x"}}, "client or cluster"),
        ({"host": "spark://s", "extra": {"deploy-mode": "cluster"}}, "runs the driver of a Python job"),
        ({"host": "yarn", "extra": {"queue": "--jars=x"}}, "`queue`"),
        ({"host": "yarn", "extra": {"namespace": "n --jars x"}}, "`namespace`"),
    ],
    ids=str,
)
def test_what_is_no_option_is_said(get: Callable[..., Access], fields: dict[str, Any], lacks: str) -> None:
    with pytest.raises(DefinitionError, match=lacks) as raised:
        get(conn_type="spark", **fields)
    assert "pw" not in raised.value.page()
