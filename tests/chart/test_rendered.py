"""What Helm makes of the chart with our values: objects that Kubernetes accepts, our image, no secret, and our pods."""

from __future__ import annotations

from configparser import RawConfigParser
from pathlib import Path
from typing import Any

import pytest
import yaml

from sluice.airflow import pods
from tests.chart.conftest import VALUES, Rendered
from tests.unit.deploy.cluster import VERSIONS, pods_of, refusals

IMAGE = f"{VALUES['images']['airflow']['repository']}:{VALUES['images']['airflow']['tag']}"
FOREIGN = ("statsd-exporter",)
"""Images of the chart that run nothing of Airflow."""


def containers(pod: dict[str, Any]) -> list[dict[str, Any]]:
    return [*(pod.get("initContainers") or ()), *pod["containers"]]


@pytest.fixture(scope="module")
def made(rendered: Rendered, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """The pod of an upload, as the scheduler of this installation makes it."""
    home = tmp_path_factory.mktemp("airflow")
    (home / "pod_template_file.yaml").write_text(rendered.config["pod_template_file.yaml"])
    in_pod = "/opt/airflow/pod_templates/pod_template_file.yaml"
    assert in_pod in rendered.config["airflow.cfg"]
    here = rendered.config["airflow.cfg"].replace(in_pod, str(home / "pod_template_file.yaml"))
    (home / "airflow.cfg").write_text(here.replace("/opt/airflow/dags", str(home)))
    (pod,) = pods_of([("export__people", "upload", 3)], home, {"AIRFLOW_CONFIG": str(home / "airflow.cfg")})
    return pod


def test_kubernetes_accepts_every_object(rendered: Rendered, made: dict[str, Any], tmp_path: Path) -> None:
    for version in VERSIONS:
        assert refusals([*rendered.objects, made], tmp_path, version) == ""


def test_every_part_of_airflow_runs_our_image(rendered: Rendered) -> None:
    images = {one["image"] for pod in rendered.pods for one in containers(pod)}
    assert {image for image in images if not any(name in image for name in FOREIGN)} == {IMAGE}
    parts = {"airflow-api-server", "airflow-scheduler", "airflow-dag-processor", "airflow-triggerer"}
    assert parts <= set(rendered.of("Deployment")), "without a disk of their own; the page names the first"


def test_every_part_gets_the_connections(rendered: Rendered) -> None:
    for pod in rendered.pods:
        for one in containers(pod):
            if one["image"] == IMAGE and not one["name"].endswith("log-groomer"):
                assert {"secretRef": {"name": "airflow-connections"}} in (one.get("envFrom") or []), one["name"]


def test_secrets_are_those_that_exist_before(rendered: Rendered) -> None:
    asked = {
        entry["valueFrom"]["secretKeyRef"]["name"]
        for pod in rendered.pods
        for one in containers(pod)
        for entry in one.get("env") or ()
        if "valueFrom" in entry
    }
    named = [VALUES[f"{key}SecretName"] for key in ("fernetKey", "apiSecretKey", "jwt")]
    assert asked == {*named, VALUES["data"]["metadataSecretName"]}
    assert set(rendered.of("Secret")) <= {"airflow-broker-url"}, "which only Celery reads"
    assert not [name for name in rendered.of("Job") if "create-user" in name]


def test_the_settings_arrive_in_airflows_configuration(rendered: Rendered) -> None:
    config = RawConfigParser(strict=True)
    config.read_string(rendered.config["airflow.cfg"])
    for section, settings in VALUES["config"].items():
        for name, value in settings.items():
            assert config[section][name] == str(value)
    assert config["core"]["executor"] == "KubernetesExecutor"


def test_a_task_is_a_pod_of_our_size(made: dict[str, Any]) -> None:
    (container,) = made["spec"]["containers"]
    assert (container["name"], container["image"]) == ("base", IMAGE)
    assert container["resources"] == pods.resources()
    assert container["envFrom"] == [{"secretRef": {"name": "airflow-connections"}}]
    assert "--json-string" in container["args"]
    assert made["metadata"]["namespace"] == "airflow"
    assert made["metadata"]["annotations"]["cluster-autoscaler.kubernetes.io/safe-to-evict"] == "false"
    assert made["spec"]["restartPolicy"] == "Never"
    assert made["spec"]["terminationGracePeriodSeconds"] == 600
    given = {entry["name"] for entry in container["env"]}
    assert "AIRFLOW__API_AUTH__JWT_SECRET" not in given, "it could sign tokens of other tasks"


def test_the_scheduler_may_do_what_its_executor_does(rendered: Rendered) -> None:
    (binding,) = [one for name, one in rendered.of("RoleBinding").items() if "launcher" in name]
    assert {"kind": "ServiceAccount", "name": "airflow-scheduler", "namespace": "airflow"} in binding["subjects"]
    rules = rendered.of("Role")[binding["roleRef"]["name"]]["rules"]
    verbs = {verb for rule in rules if "pods" in rule["resources"] for verb in rule["verbs"]}
    assert {"create", "get", "list", "watch", "patch", "delete"} <= verbs
    assert yaml.safe_load(rendered.config["pod_template_file.yaml"])["spec"]["serviceAccountName"] == "airflow-worker"
