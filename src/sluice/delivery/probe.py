"""Tests whether a connection can deliver."""

from __future__ import annotations

from datetime import timedelta
from typing import TypeVar

from sluice.definition.models.connection import Connection
from sluice.delivery.audience import tried
from sluice.delivery.hand_over.adobe_target import login
from sluice.destinations.probe import probe
from sluice.model.access import Connections
from sluice.model.declared import Declared
from sluice.patience import BRIEF

Waits = TypeVar("Waits", bound=Declared)

_PATIENCE = {"timeout": timedelta(seconds=10), "retry_for": BRIEF}
"""Upper limits for the declared timeouts: a run may wait long, a person should not."""


def probed(connection: Connection, connections: Connections) -> str:
    """Test the connection's encryption keys, the login of its hand-over, its login to Audience Manager, and its
    destination. Returns what was done, separated by `; `. Raises the errors of the first that fails."""
    if connection.openpgp:
        connection.openpgp.open(connections, name=connection.name)
    if connection.hand_over:
        login(connection.hand_over, connections)
    done = []
    if connection.audience_manager:
        done = [tried(_impatient(connection.audience_manager), connections, name=connection.name)]
    return "; ".join([str(probe(_impatient(connection.destination), connections, name=connection.name)), *done])


def _impatient(waits: Waits) -> Waits:
    shorter = {key: min(getattr(waits, key), limit) for key, limit in _PATIENCE.items() if hasattr(waits, key)}
    return waits.model_copy(update=shorter)
