"""Compose reads the file; all its parts run in one environment, and every secret comes from outside."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
import yaml

from sluice.airflow import pods
from sluice.memory import DEFAULT

ROOT = Path(__file__).parents[3]
TEXT = (ROOT / "deploy/docker-compose.yaml").read_text()
COMPOSE: dict[str, Any] = yaml.safe_load(TEXT)
AIRFLOW = ("migrate", "api-server", "scheduler", "dag-processor", "triggerer", "worker")


def read(text: str) -> Any:
    """What Compose reads from the file, with `x` for each variable. Raises `ValueError` if it refuses it."""
    from compose_spec import PyOptions

    options = PyOptions()
    options.apply_merge = True
    return options.from_yaml(re.sub(r"\$\{[A-Z_]+:\?[^}]*\}", "x", text))


def test_compose_reads_the_file() -> None:
    assert set(read(TEXT).to_dict()["services"]) == set(COMPOSE["services"])


@pytest.mark.parametrize(
    ("right", "wrong"),
    [
        ("    restart: unless-stopped", "    restrat: unless-stopped"),
        ("restart: unless-stopped", "restart: never"),
        ("interval: 10s", "interval: 10 sconds"),
        ("mem_limit: 4640m", "mem_limit: lots"),
        ("service_completed_successfully", "service_done"),
        ("127.0.0.1:8080:8080", "127.0.0.1:x:8080"),
        ("postgres:17-alpine", "postgres::17"),
        ("  redis:\n    image", "  postgres:\n    image"),
    ],
)
def test_compose_refuses_a_wrong_one(right: str, wrong: str) -> None:
    assert right in TEXT
    with pytest.raises(ValueError, match=r"."):
        read(TEXT.replace(right, wrong))


def test_every_name_leads_somewhere() -> None:
    services, volumes = COMPOSE["services"], COMPOSE["volumes"]
    wanted = {name for service in services.values() for name in service.get("depends_on", {})}
    assert wanted <= set(services)
    mounted = {volume.split(":")[0] for service in services.values() for volume in service.get("volumes", ())}
    assert mounted == set(volumes)


def test_the_same_parts_run_in_one_environment() -> None:
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


def test_every_secret_comes_from_the_environment_and_the_page_names_them() -> None:
    wanted = set(re.findall(r"\$\{([A-Z_]+):\?", TEXT))
    assert set(re.findall(r"\$\{([A-Z_]+)", TEXT)) == wanted, "none has a default"
    given = re.findall(r"^([A-Z_]+)=", (Path(__file__).parent / "compose.env").read_text(), re.M)
    assert wanted == set(given)
    page = (ROOT / "docs/clusters.md").read_text()
    assert [name for name in sorted(wanted) if f"{name}=" not in page] == []
    values = [value for name, value in COMPOSE["services"]["worker"]["environment"].items() if "SECRET" in name]
    assert values
    assert all(value.startswith("${") for value in values)
