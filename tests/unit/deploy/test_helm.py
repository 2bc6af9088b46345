"""The values for Airflow's Helm chart fit its schema, say what the code needs, and hold no secret."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import jsonschema
import pytest
import yaml

from local import airflow as local_airflow
from sluice.airflow import pods

ROOT = Path(__file__).parents[3]
FILE = ROOT / "deploy/helm/values.yaml"
VALUES: dict[str, Any] = yaml.safe_load(FILE.read_text())
SCHEMA: dict[str, Any] = yaml.safe_load((Path(__file__).parent / "values.schema.yaml").read_text())
PAGE = (ROOT / "docs/clusters.md").read_text()


def test_the_values_fit_the_charts_schema() -> None:
    jsonschema.Draft202012Validator.check_schema(SCHEMA)
    jsonschema.Draft202012Validator(SCHEMA).validate(VALUES)


@pytest.mark.parametrize(
    ("path", "value"),
    [
        (("excutor",), "KubernetesExecutor"),
        (("images", "airflow", "tag"), 0.1),
        (("config", "core", "parallelism"), [64]),
        (("workers", "resources"), {}),
        (("workers", "kubernetes", "resources", "limit"), {}),
        (("redis", "enabled"), "no"),
    ],
)
def test_a_wrong_value_does_not(path: tuple[str, ...], value: object) -> None:
    values = yaml.safe_load(FILE.read_text())
    place = values
    for name in path[:-1]:
        place = place[name]
    place[path[-1]] = value
    assert list(jsonschema.Draft202012Validator(SCHEMA).iter_errors(values))


def test_every_file_speaks_of_the_same_chart() -> None:
    version = SCHEMA["title"].removeprefix("airflow ")
    install = f"--version {version} --values deploy/helm/values.yaml"
    assert install in FILE.read_text()
    assert install in PAGE
    assert f"chart {version}" in PAGE


def test_the_pods_are_sized_by_the_budget() -> None:
    assert VALUES["executor"] == "KubernetesExecutor"
    assert VALUES["workers"]["kubernetes"]["resources"] == pods.resources()


def test_nothing_is_kept_in_the_cluster_and_no_secret_is_in_the_file() -> None:
    assert not VALUES["postgresql"]["enabled"]
    assert not VALUES["redis"]["enabled"]
    assert not VALUES["logs"]["persistence"]["enabled"]
    assert VALUES["config"]["logging"]["remote_base_log_folder"].startswith("s3://")
    assert not VALUES["createUserJob"]["enabled"], "the chart's user has a password that everybody knows"
    named = [VALUES[f"{key}SecretName"] for key in ("fernetKey", "apiSecretKey", "jwt")]
    named += [VALUES["data"]["metadataSecretName"], yaml.safe_load(VALUES["extraEnvFrom"])[0]["secretRef"]["name"]]
    missing = [name for name in named if f"kubectl create secret generic {name} " not in PAGE]
    assert missing == [], "the page says how each secret is made"


def test_the_values_have_time_to_parse_all_exports() -> None:
    assert VALUES["config"]["core"]["dagbag_import_timeout"] == local_airflow.PARSE
    assert VALUES["config"]["dag_processor"]["dag_file_processor_timeout"] == local_airflow.PARSE + 60


def test_the_image_has_the_airflow_that_the_values_name() -> None:
    image = re.findall(r"^FROM apache/airflow:([\d.]+)-", (ROOT / "Dockerfile").read_text(), re.M)
    assert image == [VALUES["airflowVersion"]]
