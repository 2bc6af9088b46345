"""The size of a task's pod, from the byte budget of its process; `python -m sluice.airflow.pods` prints a template, and
`--check` checks one.

One declaration, `memory` in `project.yaml` or in the export, decides how much a task holds in memory and how many
threads it can feed. A pod that is smaller is killed in the middle of its work; one that is larger is idle.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import yaml
from pydantic import TypeAdapter, ValidationError

from sluice.definition.models.chunks import Memory
from sluice.memory import DEFAULT

LIBRARIES = 650 * 10**6
"""Bytes beside the budget: two interpreters (the supervisor and the task) with Airflow, Arrow, Polars and DuckDB."""
SLACK = 10
"""A tenth of the budget more: allocators give memory back late."""
THREAD = 110 * 10**6
"""Bytes of the budget that feed one thread, for text rows of ordinary width (`docs/operating.md`)."""
_MIB = 2**20
_STEP = 10


def memory_of(budget: int) -> int:
    """The memory of the pod in MiB, for a task with this budget in bytes."""
    needed = budget + budget // SLACK + LIBRARIES
    return -(-needed // (_STEP * _MIB)) * _STEP


def cores_of(budget: int) -> int:
    """The cores that the budget can keep busy: one fewer than the threads that it feeds."""
    return max(1, budget * 3 // 4 // THREAD - 1)


def resources(budget: int = DEFAULT) -> dict[str, dict[str, str]]:
    """Kubernetes' requests and limits. Memory is reserved completely, because more than that is never used. Cores are
    not: `extract`, `chunk` and `publish` need one."""
    memory = f"{memory_of(budget)}Mi"
    return {"requests": {"cpu": "1", "memory": memory}, "limits": {"cpu": str(cores_of(budget)), "memory": memory}}


def pod_template(budget: int = DEFAULT, image: str = "sluice:latest") -> dict[str, Any]:
    """A pod template for `[kubernetes_executor] pod_template_file`. Airflow names the pod and gives it its command; its
    configuration and keys come from the secret `airflow-environment`."""
    container = {
        "name": "base",  # the container that Airflow looks for
        "image": image,
        "resources": resources(budget),
        "envFrom": [{"secretRef": {"name": "airflow-environment"}}],
        "volumeMounts": [{"name": "tmp", "mountPath": "/tmp"}],  # noqa: S108 - engines spill here
    }
    return {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {"name": "task"},
        "spec": {
            "restartPolicy": "Never",  # Airflow retries
            "securityContext": {"runAsUser": 50000, "fsGroup": 0},
            "containers": [container],
            "volumes": [{"name": "tmp", "emptyDir": {}}],
        },
    }


def too_small(given: Mapping[str, Any], budget: int = DEFAULT) -> list[str]:
    """A sentence for each of Kubernetes' limits in `given` (`requests` and `limits`) that is too small for the
    budget."""
    limit = str(given.get("limits", {}).get("memory", ""))
    wanted = memory_of(budget)
    if limit and _mib(limit) < wanted:
        return [f"a limit of {limit} is too small for `memory: {budget:,}` bytes: the task needs {wanted}Mi"]
    return []


def _mib(quantity: str) -> float:
    """A quantity of Kubernetes in MiB."""
    units = {"Ki": 2**10, "Mi": 2**20, "Gi": 2**30, "Ti": 2**40, "k": 10**3, "M": 10**6, "G": 10**9, "T": 10**12}
    unit = next((unit for unit in units if quantity.endswith(unit)), "")
    return float(quantity.removesuffix(unit)) * units.get(unit, 1) / _MIB


def main() -> int:
    """Print the template, or check one. Exit status 1: a container is too small."""
    parser = argparse.ArgumentParser(prog="python -m sluice.airflow.pods", description=main.__doc__)
    parser.add_argument(
        "--memory", type=_budget, default=DEFAULT, help="the budget, as in project.yaml; default: 512MB"
    )
    parser.add_argument("--image", default="sluice:latest", help="the image of the tasks")
    parser.add_argument("--check", type=Path, metavar="FILE", help="check this pod template instead")
    arguments = parser.parse_args()
    if arguments.check is None:
        print(yaml.safe_dump(pod_template(arguments.memory, arguments.image), sort_keys=False), end="")
        return 0
    containers = yaml.safe_load(arguments.check.read_text())["spec"]["containers"]
    problems = [said for one in containers for said in too_small(one.get("resources", {}), arguments.memory)]
    for said in problems:
        print(f"{arguments.check}: {said}")
    return 1 if problems else 0


def _budget(text: str) -> int:
    try:
        return int(TypeAdapter(Memory).validate_python(text))
    except ValidationError:
        raise argparse.ArgumentTypeError(f"not a memory limit of at least 64 MB: {text!r}") from None


if __name__ == "__main__":
    sys.exit(main())
