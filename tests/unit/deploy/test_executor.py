"""The KubernetesExecutor and the pod template: Airflow's own code makes pods, and Kubernetes' schemas check them."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest

from sluice.airflow import pods
from tests.unit.deploy.cluster import ROOT, VERSIONS, pods_of, refusals

pytestmark = pytest.mark.slow
TASKS = [("export__people", "extract", -1), ("export__people", "upload", 3), (f"export__{'x' * 200}.a", "publish", -1)]
NAME = re.compile(r"[a-z0-9]([a-z0-9.-]{0,61}[a-z0-9])?")


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> list[dict[str, Any]]:
    template = ROOT / "deploy/pod_template.yaml"
    settings = {
        "AIRFLOW__KUBERNETES_EXECUTOR__POD_TEMPLATE_FILE": str(template),
        "AIRFLOW__KUBERNETES_EXECUTOR__NAMESPACE": "exports",
    }
    return pods_of(TASKS, tmp_path_factory.mktemp("airflow"), settings)


def test_a_task_is_a_pod_of_our_image_and_size(made: list[dict[str, Any]]) -> None:
    assert len(made) == len(TASKS)
    for pod, (dag_id, task_id, index) in zip(made, TASKS, strict=True):
        (container,) = pod["spec"]["containers"]
        assert container["image"] == "registry.example.com/sluice:0.1.0"
        assert container["resources"] == pods.resources()
        assert container["envFrom"] == [{"secretRef": {"name": "airflow-environment"}}]
        assert {"mountPath": "/tmp", "name": "tmp"} in container["volumeMounts"]
        assert pod["spec"]["restartPolicy"] == "Never"
        assert pod["spec"]["securityContext"] == {"runAsUser": 50000, "fsGroup": 0}
        assert pod["metadata"]["namespace"] == "exports"
        assert container["args"][1:4] == ["-m", "airflow.sdk.execution_time.execute_workload", "--json-string"]
        task = json.loads(container["args"][4])["ti"]
        assert (task["dag_id"], task["task_id"], task["map_index"]) == (dag_id, task_id, index)


def test_kubernetes_accepts_the_pods(made: list[dict[str, Any]], tmp_path: Path) -> None:
    for version in VERSIONS:
        assert refusals(made, tmp_path, version) == ""
    for pod in made:
        names = [pod["metadata"]["name"], *(value for value in pod["metadata"]["labels"].values() if value)]
        assert all(NAME.fullmatch(name.lower().replace("_", "-")) for name in names), names


def test_kubernetes_refuses_a_wrong_one(made: list[dict[str, Any]], tmp_path: Path) -> None:
    wrong: dict[str, Any] = {
        "restartPolicies": "Never",
        "volumes": [{"emptyDir": {}}],
        "securityContext": {"runAsUser": "root"},
    }
    others = [made[0] | {"spec": made[0]["spec"] | {name: value}} for name, value in wrong.items()]
    said = refusals(others, tmp_path, VERSIONS[0]).splitlines()
    assert ["restartPolicies" in said[0], "'name' is a required" in said[1], "runAsUser" in said[2]] == [True] * 3, said
