"""Where things are on this machine: one rule for commands, DAG files, tasks and the local Airflow."""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

CHECKOUT = Path(__file__).resolve().parents[2]
"""The checkout that this package lies in; a folder of Python's own if it was installed from a wheel."""
_MARKS = ("exports", "catalog", "connections", "project.yaml")
"""What an `include/` holds if it holds declarations."""
_dag_file: Path | None = None
"""The DAG file that this process has read last: a task's own."""


@dataclass(frozen=True)
class Where:
    """The places of one project, as absolute paths."""

    include: Path
    """The declarations: `SLUICE_INCLUDE`, or the project's `include/`."""
    home: Path
    """Where relative paths of `fs` connections start, beside `airflow_settings.yaml`: `SLUICE_HOME`, or the project."""
    local: Path
    """What the local Airflow makes: the project's `.local/`."""

    @property
    def running(self) -> Path:
        """The record of the local Airflow that runs. There is none while none does."""
        return self.local / "run" / "address"

    @property
    def settings(self) -> Path:
        """The connections, pools and variables of the local Airflow, in the Astro format."""
        return self.home / "airflow_settings.yaml"


def where() -> Where:
    """The places that this process's environment names; a relative path starts from its working folder.

    The project is the first folder with an `include/` that holds declarations: that of the DAG file, `AIRFLOW_HOME`,
    the working folder, the checkout of this package. If there is none, it is the working folder."""
    project = next(filter(_has_declarations, _candidates()), Path.cwd())
    return Where(_named("SLUICE_INCLUDE", project / "include"), _named("SLUICE_HOME", project), project / ".local")


def of_dag_file(file: str) -> Where:
    """The places of the project that a DAG file belongs to: here, and in whatever this process does afterwards."""
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
