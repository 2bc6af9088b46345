"""The project: every declaration together, each by its name."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any

from pydantic import ByteSize, Field, TypeAdapter, ValidationError

from sluice.definition.models.alerts import Alert
from sluice.definition.models.catalog import Dataset, Refresh, Segment
from sluice.definition.models.chunks import Memory
from sluice.definition.models.connection import Connection
from sluice.definition.models.export import Export
from sluice.memory import DEFAULT
from sluice.model.declared import Declared, Name


class Staging(Declared):
    """Sluice's own working folder, which every worker must reach: segment memberships and what runs have pinned."""

    airflow_conn_id: str = "sluice_staging"
    """The Airflow connection of its filesystem."""
    path: str = "staging"
    """The folder below the connection's."""
    keep: Annotated[int, Field(ge=1)] = 20
    """How many runs of each export stay in staging, the newest: those that can be cleared, delivered again and looked
    into. What older ones have pinned is removed once they are over."""


class Settings(Declared):
    """`include/project.yaml`: what the whole project shares."""

    organization: Name = "organization"
    """The macro ORGANIZATION_NAME."""
    sandbox: Name = "production"
    """The macro SANDBOX_NAME: which environment this is."""
    staging: Staging = Staging()
    """Sluice's own working folder."""
    memory: Memory = ByteSize(DEFAULT)
    """The bytes that each process has for rows and what is made of them, 64 MB at least. The interpreter and its
    libraries come on top."""
    defaults: Mapping[str, Any] = {}
    """What every export has unless it says otherwise: keys of an export, each replaced whole where an export has it."""

    @property
    def alerts(self) -> tuple[Alert, ...]:
        """Who is told of an export that cannot be read; nobody where the default itself is wrong."""
        try:
            return TypeAdapter(tuple[Alert, ...]).validate_python(self.defaults.get("alerts", ()))
        except ValidationError:
            return ()


class Project(Declared):
    """Everything that is declared and valid. What is broken stands apart, with its error."""

    settings: Settings
    datasets: Mapping[str, Dataset]
    segments: Mapping[str, Segment]
    refreshes: Mapping[str, Refresh]
    connections: Mapping[str, Connection]
    exports: Mapping[str, Export]

    @property
    def pools(self) -> dict[str, int]:
        """The Airflow pools that connections ask for, and their slots."""
        found = {connection.pool: connection.limits.at_once for connection in self.connections.values()}
        return {name: slots for name, slots in found.items() if name and slots}
