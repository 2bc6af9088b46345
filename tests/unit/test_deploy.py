"""The files for clusters say what the code needs, keep no secret, and follow the rules of the tools that read them."""

from __future__ import annotations

import importlib.util
import json
import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import jsonschema
import pytest
import yaml

from local import airflow as local_airflow
from sluice.airflow import pods
from sluice.memory import DEFAULT

ROOT = Path(__file__).parents[2]
DEPLOY = ROOT / "deploy"
VALUES: dict[str, Any] = yaml.safe_load((DEPLOY / "helm/values.yaml").read_text())
COMPOSE: dict[str, Any] = yaml.safe_load((DEPLOY / "docker-compose.yaml").read_text())
AIRFLOW = ("migrate", "api-server", "scheduler", "dag-processor", "triggerer", "worker")


def test_a_pod_has_room_for_the_budget_and_the_libraries() -> None:
    """`docs/into-your-airflow.md` says 1.2 GB, `make bench WORKS=memory` stays below 1.0 GB."""
    assert 1.1e9 < pods.memory_of(DEFAULT) * 2**20 < 1.3e9
    assert [pods.cores_of(budget) for budget in (64 * 10**6, DEFAULT, 2 * 10**9)] == [1, 2, 12]
    assert pods.resources() == {
        "requests": {"cpu": "1", "memory": "1160Mi"},
        "limits": {"cpu": "2", "memory": "1160Mi"},
    }


@pytest.mark.parametrize(
    ("limit", "enough"), [("1160Mi", True), ("1159Mi", False), ("2Gi", True), ("1G", False), ("1300000k", True)]
)
def test_a_pod_that_is_too_small_is_noticed(limit: str, enough: bool) -> None:
    said = pods.too_small({"limits": {"memory": limit}})
    assert (said == []) is enough
    assert enough or f"a limit of {limit} is too small" in said[0]
    assert pods.too_small({}) == [], "no limit is large enough"


def test_the_pod_template_is_the_one_that_the_command_prints(capsys: pytest.CaptureFixture[str]) -> None:
    file = (DEPLOY / "pod_template.yaml").read_text()
    words = re.findall(r"`python -m sluice.airflow.pods (.*?)`", file)[0].split()
    sys.argv, before = ["pods", *words], sys.argv
    try:
        pods.main()
    finally:
        sys.argv = before
    assert capsys.readouterr().out == re.sub(r"^#.*\n", "", file, flags=re.M)
    assert yaml.safe_load(file)["spec"]["containers"][0]["name"] == "base"


@pytest.mark.parametrize(("memory", "status"), [("512 MB", 0), ("1 GB", 1)])
def test_a_template_is_checked_against_a_budget(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], memory: str, status: int
) -> None:
    monkeypatch.setattr(sys, "argv", ["pods", "--check", str(DEPLOY / "pod_template.yaml"), "--memory", memory])
    assert pods.main() == status
    assert ("a limit of 1160Mi is too small" in capsys.readouterr().out) is bool(status)


def test_a_wrong_budget_is_a_sentence(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setattr(sys, "argv", ["pods", "--memory", "2 XB"])
    with pytest.raises(SystemExit):
        pods.main()
    assert "not a memory limit of at least 64 MB: '2 XB'" in capsys.readouterr().err


def test_helms_pods_are_sized_by_the_budget() -> None:
    assert VALUES["executor"] == "KubernetesExecutor"
    assert VALUES["workers"]["kubernetes"]["resources"] == pods.resources()


def test_helm_keeps_nothing_in_the_cluster_and_no_secret_in_the_file() -> None:
    assert not VALUES["postgresql"]["enabled"]
    assert not VALUES["redis"]["enabled"]
    assert not VALUES["logs"]["persistence"]["enabled"]
    assert VALUES["config"]["logging"]["remote_base_log_folder"].startswith("s3://")
    named = [VALUES[f"{key}SecretName"] for key in ("fernetKey", "apiSecretKey", "jwt")]
    named += [VALUES["data"]["metadataSecretName"], yaml.safe_load(VALUES["extraEnvFrom"])[0]["secretRef"]["name"]]
    page = (ROOT / "docs/clusters.md").read_text()
    assert [name for name in named if name not in page] == [], "the page says how each secret is made"
    assert not {"fernetKey", "apiSecretKey", "jwtSecret"} & VALUES.keys()


def test_every_deployment_has_time_to_parse_all_exports() -> None:
    dockerfile = (ROOT / "Dockerfile").read_text()
    assert f"AIRFLOW__CORE__DAGBAG_IMPORT_TIMEOUT={local_airflow.PARSE} " in dockerfile
    assert f"AIRFLOW__DAG_PROCESSOR__DAG_FILE_PROCESSOR_TIMEOUT={local_airflow.PARSE + 60}\n" in dockerfile
    assert VALUES["config"]["core"]["dagbag_import_timeout"] == local_airflow.PARSE
    assert VALUES["config"]["dag_processor"]["dag_file_processor_timeout"] == local_airflow.PARSE + 60


def test_every_deployment_has_the_same_airflow() -> None:
    image = re.findall(r"^FROM apache/airflow:([\d.]+)-", (ROOT / "Dockerfile").read_text(), re.M)
    pinned = re.findall(r"^apache-airflow==([\d.]+)", (ROOT / "requirements.txt").read_text(), re.M)
    assert image == pinned == [VALUES["airflowVersion"]]


def test_the_compose_file_follows_the_specification() -> None:
    found = importlib.util.find_spec("compose")
    if found is None or found.origin is None:
        pytest.fail("docker-compose is not installed: run `make install-test`")
    schema = json.loads((Path(found.origin).parent / "config/compose_spec.json").read_text())
    schema["$schema"] = "https://json-schema.org/draft/2019-09/schema"
    jsonschema.Draft201909Validator(schema).validate(COMPOSE)


def test_compose_runs_the_same_parts_in_one_environment() -> None:
    services = COMPOSE["services"]
    assert set(services) == {*AIRFLOW, "postgres", "redis"}
    common = services["scheduler"]["environment"]
    for name in AIRFLOW:
        assert services[name]["image"] == COMPOSE["x-airflow"]["image"]
        assert common.items() <= services[name]["environment"].items()
    for name in ("scheduler", "worker"):
        assert services[name]["depends_on"]["api-server"]["condition"] == "service_healthy", name
    tasks = int(services["worker"]["environment"]["AIRFLOW__CELERY__WORKER_CONCURRENCY"])
    assert services["worker"]["mem_limit"] == f"{tasks * pods.memory_of(DEFAULT)}m"
    assert services["worker"]["deploy"]["replicas"] >= 2
    assert not any("sluice" in volume for service in services.values() for volume in service.get("volumes", ()))


def test_compose_takes_every_secret_from_its_environment_and_the_page_names_them() -> None:
    text = (DEPLOY / "docker-compose.yaml").read_text()
    wanted = set(re.findall(r"\$\{([A-Z_]+):\?", text))
    assert set(re.findall(r"\$\{([A-Z_]+)", text)) == wanted, "none has a default"
    given = re.findall(r"^([A-Z_]+)=", (ROOT / "tests/unit/compose.env").read_text(), re.M)
    assert wanted == set(given)
    page = (ROOT / "docs/clusters.md").read_text()
    assert [name for name in sorted(wanted) if f"{name}=" not in page] == []
    values = [value for name, value in COMPOSE["services"]["worker"]["environment"].items() if "SECRET" in name]
    assert values
    assert all(value.startswith("${") for value in values)


def test_the_image_gets_the_package_the_project_and_every_lock() -> None:
    text = (ROOT / "Dockerfile").read_text()
    copied = [word for line in re.findall(r"^COPY (.*)$", text, re.M) for word in line.split()[:-1] if word[0] != "-"]
    assert [name for name in copied if not (ROOT / name).exists()] == []
    assert {"src", "pyproject.toml", "dags", "include"} <= set(copied)
    assert set(re.findall(r"-r /tmp/(\S+)", text)) == {name for name in copied if name.startswith("requirements")}


def test_the_dockerfile_is_clean() -> None:
    linter = Path(sys.executable).with_name("hadolint")
    program = str(linter) if linter.exists() else shutil.which("hadolint")
    assert program, "hadolint is not installed: run `make install-test`"
    done = subprocess.run([program, "Dockerfile"], cwd=ROOT, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout) == (0, "")
