"""The Dockerfile makes the image that every deployment runs: Airflow, the package and the project."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from local import airflow as local_airflow

ROOT = Path(__file__).parents[3]
TEXT = (ROOT / "Dockerfile").read_text()


def test_the_image_has_time_to_parse_all_exports() -> None:
    assert f"AIRFLOW__CORE__DAGBAG_IMPORT_TIMEOUT={local_airflow.PARSE} " in TEXT
    assert f"AIRFLOW__DAG_PROCESSOR__DAG_FILE_PROCESSOR_TIMEOUT={local_airflow.PARSE + 60}\n" in TEXT


def test_the_image_has_the_airflow_of_the_requirements() -> None:
    image = re.findall(r"^FROM apache/airflow:([\d.]+)-", TEXT, re.M)
    assert image == re.findall(r"^apache-airflow==([\d.]+)", (ROOT / "requirements.txt").read_text(), re.M)


def test_the_image_gets_the_package_the_project_and_every_lock() -> None:
    copied = [word for line in re.findall(r"^COPY (.*)$", TEXT, re.M) for word in line.split()[:-1] if word[0] != "-"]
    assert [name for name in copied if not (ROOT / name).exists()] == []
    assert {"src", "pyproject.toml", "dags", "include"} <= set(copied)
    assert set(re.findall(r"-r /tmp/(\S+)", TEXT)) == {name for name in copied if name.startswith("requirements")}


@pytest.mark.parametrize("file", ["Dockerfile", "src/sluice/starter/Dockerfile"])
def test_the_dockerfile_is_clean(file: str) -> None:
    linter = Path(sys.executable).with_name("hadolint")
    program = str(linter) if linter.exists() else shutil.which("hadolint")
    assert program, "hadolint is not installed: run `make install-test`"
    done = subprocess.run([program, file], cwd=ROOT, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout) == (0, "")
