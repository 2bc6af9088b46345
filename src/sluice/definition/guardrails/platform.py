"""Dataset exports to connections with `profile: experience-platform`."""

from __future__ import annotations

from sluice.definition.models.connection import Connection
from sluice.definition.models.export import DatasetExport, ExportBase

PROFILE = "experience-platform"


def to_platform(export: ExportBase, connection: Connection | None) -> DatasetExport | None:
    """The export, if the rules of Experience Platform's dataset exports apply to it."""
    applies = connection is not None and connection.profile == PROFILE
    return export if applies and isinstance(export, DatasetExport) else None
