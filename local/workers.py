"""The Celery workers of a local Airflow, and what its other processes must know of them.

With `Layout.share_nothing`, a worker is as on a machine of its own: it has its own home, temporary files, cache, DAG
files and declarations. If this process is root, the worker also has its own mounts, and sees nothing else of the local
Airflow's folder. Such workers meet only through Airflow's API, the broker and the storage servers.
"""

from __future__ import annotations

import os
import shutil
import sys
from collections.abc import Mapping
from pathlib import Path

from local.hostname import WORKER
from local.layout import REPOSITORY, Layout
from local.process import Process
from sluice.errors import FatalError

PACKAGES = REPOSITORY / ".cluster"
"""What the CeleryExecutor needs. Apart from `.venv`, because nobody else needs it."""
SILENCE = 30
"""Seconds without a heartbeat after which a task counts as lost with its worker. Airflow's default is five minutes."""
_NOT_FOR_WORKERS = (
    "AIRFLOW__DATABASE__SQL_ALCHEMY_CONN",
    "AIRFLOW__CORE__FERNET_KEY",
    "AIRFLOW__API__SECRET_KEY",
    "AIRFLOW__API_AUTH__JWT_SECRET",
)
"""A worker gets connections over the API, by the token of its task. It needs neither the database nor a key."""
_OWN_MOUNTS = """
own=$1 home=$2 kept=$(mktemp -d -p /tmp) && shift 2 &&
mount --bind "$own" "$kept" && mount -t tmpfs -o mode=700 tmpfs "$home" && mkdir -p "$own" &&
mount --bind "$kept" "$own" && umount "$kept" && rmdir "$kept" && exec "$@"
"""
"""Covers the local Airflow's folder with an empty one in which only the worker's own folder is."""


def packages(layout: Layout) -> list[Path]:
    """The folders of packages that its processes need in addition. Raises `FatalError` if they are not installed."""
    if layout.executor == "local":
        return []
    if not (PACKAGES / "celery").exists():
        raise FatalError("the packages of the CeleryExecutor are missing", next_step="run `make install-cluster`")
    return [PACKAGES]


def configuration(layout: Layout, broker: str) -> dict[str, dict[str, object]]:
    """Airflow's options by section, where they differ from those of a local Airflow without workers."""
    if layout.executor == "local":
        return {}
    return {
        "core": {"executor": "CeleryExecutor", "hostname_callable": "local.hostname.hostname"},
        "celery": {
            "broker_url": broker,
            "result_backend": broker,
            "worker_concurrency": max(1, layout.parallelism // layout.workers),
        },
        "celery_broker_transport_options": {"visibility_timeout": 86400},  # the longest task, in seconds
        "scheduler": {
            "task_instance_heartbeat_timeout": SILENCE,
            "task_instance_heartbeat_timeout_detection_interval": 5,
        },
    }


def start(layout: Layout, env: Mapping[str, str]) -> None:
    """Start the workers, in parallel."""
    for number in range(layout.workers):
        start_one(layout, env, f"worker-{number + 1}")


def start_one(layout: Layout, env: Mapping[str, str], name: str) -> Process:
    """Start the worker `name`; `env` is the environment of the other processes."""
    words = ["celery", "worker", "--celery-hostname", name, "--skip-serve-logs", "--without-gossip", "--without-mingle"]
    argv = [sys.executable, "-m", "airflow", *words]
    own = layout.home / "workers" / name
    variables = {key: value for key, value in env.items() if key not in _NOT_FOR_WORKERS} | _own(own) | {WORKER: name}
    if layout.share_nothing:
        variables |= _project(own, layout)
        argv = _apart(own, layout.home, argv)
    if layout.pin:
        cores = sorted(os.sched_getaffinity(0))
        argv = ["taskset", "--cpu-list", str(cores[(int(name.rpartition("-")[2]) - 1) % len(cores)]), *argv]
    return Process.start(name, argv, run=layout.run, logs=layout.logs, env=variables)


def recorded(layout: Layout) -> list[str]:
    """The names of the workers that were started."""
    return sorted(record.stem for record in layout.run.glob("worker-*.json"))


def _own(folder: Path) -> dict[str, str]:
    """The environment variables for the files of one worker."""
    homes = {"HOME": "", "AIRFLOW_HOME": "airflow", "TMPDIR": "tmp", "SLUICE_CACHE": "cache", "XDG_CACHE_HOME": "cache"}
    for name in {"", *homes.values()}:
        (folder / name).mkdir(mode=0o700, parents=True, exist_ok=True)
    return {variable: str(folder / name) for variable, name in homes.items()}


def _project(folder: Path, layout: Layout) -> dict[str, str]:
    """The environment variables for the worker's own copy of the project, as a deployment would bring it."""
    project = folder / "project"
    shutil.rmtree(project, ignore_errors=True)
    shutil.copytree(layout.dags, project / "dags", ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copytree(layout.include, project / "include")
    return {
        "SLUICE_HOME": str(project),
        "SLUICE_INCLUDE": str(project / "include"),
        "AIRFLOW__CORE__DAGS_FOLDER": str(project / "dags"),
        "AIRFLOW__LOGGING__BASE_LOG_FOLDER": str(folder / "logs"),
    }


def _apart(own: Path, home: Path, argv: list[str]) -> list[str]:
    """The command with mounts of its own, where root may make them."""
    if os.geteuid() != 0 or not shutil.which("unshare"):
        return argv
    return ["unshare", "--mount", "--propagation", "private", "sh", "-c", _OWN_MOUNTS, "sh", str(own), str(home), *argv]
