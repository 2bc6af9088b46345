"""Airflow's Helm chart, which `make check-helm CHART=...` names, and what Helm makes of it with our values."""

from __future__ import annotations

import os
import sys
import tarfile
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import yaml

ROOT = Path(__file__).parents[2]
VALUES: dict[str, Any] = yaml.safe_load((ROOT / "deploy/helm/values.yaml").read_text())
OURS: dict[str, Any] = yaml.safe_load((ROOT / "tests/unit/deploy/values.schema.yaml").read_text())


@dataclass(frozen=True)
class Rendered:
    """The objects that an installation creates, in its release and namespace `airflow`."""

    objects: list[dict[str, Any]]

    def of(self, kind: str) -> dict[str, dict[str, Any]]:
        """The objects of a kind, by their names."""
        return {one["metadata"]["name"]: one for one in self.objects if one["kind"] == kind}

    @property
    def config(self) -> Mapping[str, str]:
        """The files of Airflow's configuration."""
        files: dict[str, str] = self.of("ConfigMap")["airflow-config"]["data"]
        return files

    @property
    def pods(self) -> list[dict[str, Any]]:
        """The specifications of all pods, of the tasks' too."""
        templates = [one["spec"]["template"]["spec"] for one in self.objects if one["kind"] in ("Deployment", "Job")]
        return [*templates, yaml.safe_load(self.config["pod_template_file.yaml"])["spec"]]


@pytest.fixture(scope="session")
def archive() -> Path:
    """The chart: the published archive, or a folder."""
    named = Path(os.environ.get("CHART") or "missing")
    if not named.exists():
        version = OURS["title"].removeprefix("airflow ")
        pytest.fail(
            f"say where the chart is: make check-helm CHART=airflow-{version}.tgz; to get it: helm pull airflow --repo"
            f" https://airflow.apache.org --version {version}"
        )
    return named


@pytest.fixture(scope="session")
def folder(archive: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of the chart."""
    if archive.is_dir():
        return archive
    into = tmp_path_factory.mktemp("chart")
    with tarfile.open(archive) as packed:
        packed.extractall(into, filter="data")
    return into / "airflow"


@pytest.fixture(scope="session")
def chart(archive: Path) -> Iterator[Any]:
    """The chart, as Helm's own library reads it."""
    sys.path.append(str(ROOT / ".helm"))
    import helm_python

    with helm_python.Chart.load(str(archive)) as loaded:
        yield loaded


@pytest.fixture(scope="session")
def rendered(chart: Any) -> Rendered:
    made = chart.render(VALUES, name="airflow", namespace="airflow")
    texts = [text for name, text in made.items() if name.endswith(".yaml")]
    return Rendered([one for text in texts for one in yaml.safe_load_all(text) if one])
