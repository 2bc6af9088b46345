"""Airflow's own KubernetesExecutor, and Kubernetes' own schemas, without a cluster."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest
import yaml

ROOT = Path(__file__).parents[3]
PACKAGES = ROOT / ".kubernetes"
VERSIONS = ("1.30", "1.37")
"""Of Kubernetes: the oldest that the chart supports, and the newest whose schemas are installed."""


def pods_of(tasks: Sequence[tuple[str, str, int]], home: Path, settings: Mapping[str, str]) -> list[dict[str, Any]]:
    """The pods that Airflow would make for these tasks (DAG, task, map index) with these environment variables."""
    program = Path(__file__).with_name("make_pods.py")
    env = {"AIRFLOW_HOME": str(home), **settings}
    out = _run([str(program), json.dumps(tasks)], env)
    made: list[dict[str, Any]] = json.loads(out.splitlines()[-1])
    return made


def refusals(objects: Sequence[Mapping[str, Any]], folder: Path, version: str) -> str:
    """What Kubernetes of that version would refuse in these objects, unknown fields too; empty if nothing."""
    file = folder / f"objects-{version}.yaml"
    file.write_text(yaml.safe_dump_all(objects))
    words = ["-m", "kubernetes_validate", "--strict", "--kubernetes-version", version, str(file)]
    said = _run(words, {}, check=False).splitlines()
    assert len(said) == len(objects), said
    return "\n".join(line for line in said if not line.startswith("INFO "))


def _run(words: Sequence[str], env: Mapping[str, str], *, check: bool = True) -> str:
    if not (PACKAGES / "kubernetes").exists():
        pytest.fail("the packages of the KubernetesExecutor are missing: run `make install-kubernetes`")
    environment = {
        **{name: value for name, value in os.environ.items() if not name.startswith("AIRFLOW")},
        "PYTHONPATH": f"{PACKAGES}:{ROOT / 'src'}",
        **env,
    }
    done = subprocess.run([sys.executable, "-P", *words], env=environment, capture_output=True, text=True, check=False)
    if check and done.returncode:
        pytest.fail(done.stderr or done.stdout)
    return done.stdout + done.stderr
