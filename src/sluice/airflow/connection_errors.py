"""Errors of an Airflow connection that is missing, or lacks something."""

from __future__ import annotations

import os
from collections.abc import Mapping
from difflib import get_close_matches
from typing import TYPE_CHECKING, Any

from sluice.errors import DefinitionError

if TYPE_CHECKING:
    from airflow.sdk import Connection


def missing(conn_id: str, declared: Mapping[str, Any]) -> DefinitionError:
    """The error for a missing connection, with the nearest id in the environment and in `declared`."""
    prefix = "AIRFLOW_CONN_"
    known = {name.removeprefix(prefix).lower() for name in os.environ if name.startswith(prefix)} | set(declared)
    near = get_close_matches(conn_id, known, n=1)
    return DefinitionError(
        f"there is no Airflow connection {conn_id}",
        nearest=near[0] if near else None,
        next_step="add it in Airflow under Admin, Connections, or with"
        f" `sluice airflow connections add {conn_id} --conn-type TYPE --conn-host HOST --conn-extra '{{...}}'`",
    )


def needs(connection: Connection, what: str) -> DefinitionError:
    """The error for a connection that lacks something that its type requires."""
    return DefinitionError(
        f"the Airflow connection {connection.conn_id} (type {connection.conn_type}) has no {what}",
        next_step=f"add it in Airflow under Admin, Connections, {connection.conn_id}",
    )
