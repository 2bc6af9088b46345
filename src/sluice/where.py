"""Locations on this machine: one rule for commands, DAG files, tasks and the local Airflow."""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

CHECKOUT = Path(__file__).resolve().parents[2]
"""The checkout that contains this package; a folder of the Python installation if a wheel was installed."""
_MARKS = ("exports", "catalog", "connections", "project.yaml")
"""An `include/` with any of these contains declarations."""
_dag_file: Path | None = None
"""The DAG file that this process read last; in a task, the file of its DAG."""


@dataclass(frozen=True)
class Where:
    """The locations of one project, as absolute paths."""

    include: Path
    """The declarations: `SLUICE_INCLUDE`, or the project's `include/`."""
    home: Path
    """The base of relative paths in `fs` connections, with `airflow_settings.yaml`: `SLUICE_HOME`, or the project."""
    local: Path
    """The files of the local Airflow: the project's `.local/`."""

    @property
    def running(self) -> Path:
        """The record of the running local Airflow. The file exists only while it runs."""
        return self.local / "run" / "address"

    @property
    def settings(self) -> Path:
        """The connections, pools and variables of the local Airflow, in the Astro format."""
        return self.home / "airflow_settings.yaml"


def where() -> Where:
    """The locations for this process. Relative paths in environment variables start from the working folder.

    The project is the first of these folders whose `include/` contains declarations: the DAG file's folder, its parent,
    `AIRFLOW_HOME`, the working folder, the checkout of this package. Default: the working folder."""
    project = next(filter(_has_declarations, _candidates()), Path.cwd())
    return Where(_named("SLUICE_INCLUDE", project / "include"), _named("SLUICE_HOME", project), project / ".local")


def of_dag_file(file: str) -> Where:
    """The locations of the project that a DAG file belongs to. `where()` in this process uses the file from now on."""
    global _dag_file
    _dag_file = Path(file).absolute() if file else None
    return where()


def _candidates() -> Iterator[Path]:
    if _dag_file is not None:
        yield from (_dag_file.parent, _dag_file.parent.parent)
    if os.environ.get("AIRFLOW_HOME"):
        yield Path(os.environ["AIRFLOW_HOME"]).absolute()
    yield from (Path.cwd(), CHECKOUT)


def _has_declarations(project: Path) -> bool:
    return any((project / "include" / mark).exists() for mark in _MARKS)


def _named(variable: str, default: Path) -> Path:
    return Path(os.environ.get(variable) or default).absolute()
