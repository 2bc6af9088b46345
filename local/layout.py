"""Where a local Airflow finds its project and keeps its own files."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

from sluice.where import where

REPOSITORY = Path(__file__).resolve().parent.parent
Executor = Literal["local", "celery"]


@dataclass(frozen=True)
class Layout:
    """One local Airflow. Two layouts with different homes can run side by side."""

    home: Path = field(default_factory=lambda: where().local)
    """Its own files: database, logs, generated keys, process records. Safe to delete while it is stopped."""
    root: Path = field(default_factory=lambda: where().home)
    """The folder that relative paths of `fs` connections start from (SLUICE_HOME)."""
    include: Path = field(default_factory=lambda: where().include)
    """The declarations (SLUICE_INCLUDE)."""
    dags: Path = REPOSITORY / "dags"
    settings: Path = field(default_factory=lambda: where().settings)
    """Connections, pools and variables, in the Astro format."""
    port: int = 8080
    """The API server's port. If it is in use, or 0, a free one is chosen."""
    parallelism: int = 4
    """The most tasks that run in parallel."""
    executor: Executor = "local"
    """Where tasks run: in children of the scheduler, or in Celery workers."""
    workers: int = 2
    """The number of Celery workers. They share `parallelism` evenly."""
    share_nothing: bool = False
    """Whether each Celery worker has its own folder and sees none of the others', nor the rest of `home`: as on a
    machine of its own."""
    pin: bool = False
    """Whether each Celery worker runs on one core alone: the first on the first core, and so on."""
    reparse: int = 15
    """The most seconds until a change of a declaration is visible; each parse takes a second of CPU."""
    database: str = ""
    """The SQLAlchemy URL of an existing database. Default: an embedded PostgreSQL."""
    environment: Mapping[str, str] = field(default_factory=dict)
    """Environment variables that are added to those of every local Airflow, and override them."""

    @property
    def airflow(self) -> Path:
        """AIRFLOW_HOME."""
        return self.home / "airflow"

    @property
    def postgres(self) -> Path:
        """The embedded database's own folder."""
        return self.home / "postgres"

    @property
    def logs(self) -> Path:
        """One log file per process."""
        return self.home / "logs"

    @property
    def run(self) -> Path:
        """The records of the running processes, and their address."""
        return self.home / "run"
