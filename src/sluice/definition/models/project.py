"""The project: all declarations, each under its name."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta
from typing import Annotated, Any, Literal

from pydantic import ByteSize, Field, TypeAdapter, ValidationError

from sluice.definition.models.alerts import Alert
from sluice.definition.models.catalog import Dataset, Refresh, Segment
from sluice.definition.models.chunks import Memory
from sluice.definition.models.commands import Command
from sluice.definition.models.connection import Connection
from sluice.definition.models.data_classes import DataClass
from sluice.definition.models.export import Export, ExportBase
from sluice.definition.models.guardrails import Guardrails
from sluice.definition.models.licence import Licence
from sluice.definition.models.limits import Bounds
from sluice.definition.models.subjects import Subjects
from sluice.memory import DEFAULT
from sluice.model.declared import Declared, Name


class Staging(Declared):
    """Sluice's working folder. It holds segment memberships and the data that runs have pinned. Every worker must be
    able to reach it."""

    airflow_conn_id: str = "sluice_staging"
    """The Airflow connection of the staging filesystem."""
    path: str = "staging"
    """The folder below the connection's folder."""
    keep: Annotated[int, Field(ge=1)] = 20
    """Retention: the number of runs of each export that staging keeps, newest first. Only these can be cleared, resent
    and inspected. The data pinned by an older run is removed once the run has finished."""


Edits = Literal["folder", "git", "read-only"]


class Settings(Declared):
    """`include/project.yaml`: the settings of the whole project."""

    organization: Name = "organization"
    """The value of the macro ORGANIZATION_NAME."""
    sandbox: Name = "production"
    """The name of this environment, and the value of the macro SANDBOX_NAME."""
    staging: Staging = Staging()
    """Sluice's working folder."""
    memory: Memory = ByteSize(DEFAULT)
    """The memory limit of each process for rows and the data made from them, at least 64 MB. The interpreter and its
    libraries are not included."""
    edits: Edits = "folder"
    """How commands change declarations. `folder`: they write the files. `git`: each change is also one commit, with its
    author's name, in the working tree that contains the folder; nothing is pushed. `read-only`: nothing is written, and
    the change is printed as a patch."""
    limits: Bounds = Bounds()
    """Limits of the whole project: of each run, and of all runs together. Those of connections apply too."""
    guardrails: Guardrails = Guardrails()
    """Verdicts of guardrails that differ from their defaults."""
    licence: Licence | None = None
    """What may be delivered by dataset exports, and how much in a contract year. Default: everything."""
    data_classes: Mapping[str, DataClass] = {}
    """What the data classes of columns demand. A class such as `pii.email` must also meet the demands of `pii`."""
    commands: Mapping[Name, Command] = {}
    """The commands that exports may run after their deliveries, by name. Default: none."""
    subjects: Subjects | None = None
    """The record of whom deliveries held, for `sluice subject`. Default: nothing is recorded."""
    defaults: Mapping[str, Any] = {}
    """Defaults for the keys of every export. An export that has a key replaces its default as a whole."""

    @property
    def alerts(self) -> tuple[Alert, ...]:
        """The default alerts, which also report exports that cannot be read; empty if they are not valid."""
        try:
            return TypeAdapter(tuple[Alert, ...]).validate_python(self.defaults.get("alerts", ()))
        except ValidationError:
            return ()


class Project(Declared):
    """All valid declarations. Broken ones are kept separately, with their errors."""

    settings: Settings
    datasets: Mapping[str, Dataset]
    segments: Mapping[str, Segment]
    refreshes: Mapping[str, Refresh]
    connections: Mapping[str, Connection]
    exports: Mapping[str, Export]
    """The exports with a connection."""
    detached: Mapping[str, Export] = {}
    """The exports without a connection. They do not run."""

    @property
    def pools(self) -> dict[str, int]:
        """The Airflow pools that connections need, with their slots."""
        found = {connection.pool: connection.limits.at_once for connection in self.connections.values()}
        return {name: slots for name, slots in found.items() if name and slots}

    def time_limit(self, export: ExportBase) -> timedelta | None:
        """The time limit of an attempt of its tasks, of the export or of its connection's profile; None for none."""
        return self.connections[export.connection].rules.limit(export.time_limit)
