"""Where things are on this machine: one rule for commands, DAG files, tasks and the local Airflow."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

PROJECT = Path(__file__).resolve().parents[2]
"""The project that this package lies in, whatever folder a process works in."""


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
    """The places that this process's environment names; a relative path starts from its working folder."""
    return Where(_named("SLUICE_INCLUDE", PROJECT / "include"), _named("SLUICE_HOME", PROJECT), PROJECT / ".local")


def _named(variable: str, default: Path) -> Path:
    return Path(os.environ.get(variable) or default).absolute()
