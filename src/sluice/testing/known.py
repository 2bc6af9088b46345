"""Connections without Airflow."""

from __future__ import annotations

from sluice.errors import DefinitionError
from sluice.model.access import Access


class Known:
    """The connections of these ids, and no other: `Known(lake=FolderAccess(path))`."""

    def __init__(self, **connections: Access) -> None:
        self._connections = connections

    def get(self, conn_id: str) -> Access:
        try:
            return self._connections[conn_id]
        except KeyError:
            raise DefinitionError(
                f"there is no connection {conn_id!r}",
                known=sorted(self._connections),
                next_step="give it to the exam: the fixture `connections` returns it",
            ) from None
