"""The Airflow that `make up` started on this machine, from its record."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path

from sluice.where import where


@dataclass(frozen=True)
class Local:
    """Its address, its login, and the environment of its processes."""

    url: str
    user: str
    password: str = field(repr=False)
    include: str
    """The folder of declarations that it runs."""
    variables: Mapping[str, str] = field(repr=False)
    """The environment variables of its processes; some are secrets."""

    @classmethod
    def read(cls, record: Path) -> Local:
        """Read a record. Raises `FileNotFoundError` if there is none."""
        return cls(**json.loads(record.read_text()))

    def text(self) -> str:
        """Its record."""
        return json.dumps(asdict(self))

    @property
    def environment(self) -> dict[str, str]:
        """The environment for a process of this Airflow that is started from the current one."""
        return inherited() | {**self.variables}


def inherited() -> dict[str, str]:
    """The environment of this process, without the home, options, connections and variables of another Airflow."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith("AIRFLOW")}
    kept.pop("PYTHONDONTWRITEBYTECODE", None)  # Airflow starts three times slower with it
    return kept


def running() -> Local | None:
    """The running local Airflow; None if none was started, or it was stopped."""
    try:
        return Local.read(where().running)
    except FileNotFoundError:
        return None
