"""Each setting of Airflow that a deployment makes is one that Airflow, or a provider, reads: others change nothing."""

from __future__ import annotations

import re
import runpy
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest
import yaml

ROOT = Path(__file__).parents[3]
FOLDERS = {".cluster": "celery", ".kubernetes": "cncf/kubernetes"}


@pytest.fixture(scope="module")
def known() -> set[tuple[str, str]]:
    """The section and the name of every setting."""
    airflow = find_spec("airflow")
    assert airflow is not None
    assert airflow.origin is not None
    sections = [yaml.safe_load((Path(airflow.origin).parent / "config_templates/config.yml").read_text())]
    for folder, provider in FOLDERS.items():
        file = ROOT / folder / "airflow/providers" / provider / "get_provider_info.py"
        if not file.exists():
            pytest.fail(f"{folder} is missing: run `make install-cluster install-kubernetes`")
        sections.append(runpy.run_path(str(file))["get_provider_info"]()["config"])
    return {(section, name) for found in sections for section, body in found.items() for name in body["options"]}


def _variables(names: str) -> set[tuple[str, str]]:
    found = re.findall(r"\bAIRFLOW__([A-Z_]+?)__([A-Z_]+)\b", names)
    return {(section.lower(), name.lower()) for section, name in found}


def _values() -> set[tuple[str, str]]:
    config: dict[str, dict[str, Any]] = yaml.safe_load((ROOT / "deploy/helm/values.yaml").read_text())["config"]
    return {(section, name) for section, settings in config.items() for name in settings}


@pytest.mark.slow
def test_every_setting_is_one_that_airflow_reads(known: set[tuple[str, str]]) -> None:
    image, compose = (ROOT / "Dockerfile").read_text(), (ROOT / "deploy/docker-compose.yaml").read_text()
    for made in (_variables(image), _variables(compose), _values()):
        assert made
        assert made - known == set()
