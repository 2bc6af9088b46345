"""The Airflow that `make up` has started on this machine, as its record describes it."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path

from sluice.where import where


@dataclass(frozen=True)
class Local:
    """Where it answers, how to log in, and what its processes run with."""

    url: str
    user: str
    password: str = field(repr=False)
    include: str
    """The declarations that it runs."""
    variables: Mapping[str, str] = field(repr=False)
    """The environment variables that make a process one of its own; some are secrets."""

    @classmethod
    def read(cls, record: Path) -> Local:
        """What a record says. Raises `FileNotFoundError` if there is none."""
        return cls(**json.loads(record.read_text()))

    def text(self) -> str:
        """The record of it."""
        return json.dumps(asdict(self))

    @property
    def environment(self) -> dict[str, str]:
        """The environment of a process of its own, started from this one."""
        return inherited() | {**self.variables}


def inherited() -> dict[str, str]:
    """This process's environment without another Airflow's home, options, connections and variables."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith("AIRFLOW")}
    kept.pop("PYTHONDONTWRITEBYTECODE", None)  # Airflow starts three times slower with it
    return kept


def running() -> Local | None:
    """The one that runs; None if none has been started, or it was stopped."""
    try:
        return Local.read(where().running)
    except FileNotFoundError:
        return None
