"""Where a local Airflow finds its project, and where it keeps what it makes."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from sluice.where import where

REPOSITORY = Path(__file__).resolve().parent.parent


@dataclass(frozen=True)
class Layout:
    """One local Airflow. Two layouts with different homes can run side by side."""

    home: Path = field(default_factory=lambda: where().local)
    """What it makes: database, logs, generated keys, process records. Safe to delete while it is down."""
    root: Path = field(default_factory=lambda: where().home)
    """The folder that relative paths of `fs` connections start from (SLUICE_HOME)."""
    include: Path = field(default_factory=lambda: where().include)
    """The declarations (SLUICE_INCLUDE)."""
    dags: Path = REPOSITORY / "dags"
    settings: Path = field(default_factory=lambda: where().settings)
    """Connections, pools and variables, in the Astro format."""
    port: int = 8080
    """The API server's port; a free one is taken if something else listens there, and always if it is 0."""
    parallelism: int = 4
    """Most tasks that run at once."""
    reparse: int = 15
    """Seconds until a change of a declaration shows, at most; each parse costs a second of a core."""
    database: str = ""
    """The SQLAlchemy URL of a database that is already there; an embedded PostgreSQL if empty."""
    environment: Mapping[str, str] = field(default_factory=dict)
    """Environment variables on top of, and stronger than, those that every local Airflow gets."""

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
        """One log file a process."""
        return self.home / "logs"

    @property
    def run(self) -> Path:
        """The records of the processes that run, and their address."""
        return self.home / "run"
