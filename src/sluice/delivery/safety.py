"""Warnings of connections with weakened security, for each run's log and report and for `sluice check`."""

from __future__ import annotations

from collections.abc import Iterable

from sluice.model.access import Connections, SftpAccess
from sluice.ssh.login import given_up


def warnings_of(conn_ids: Iterable[str], connections: Connections) -> list[str]:
    """A warning for each protection that one of these Airflow connections disables. Raises the errors of
    `connections`."""
    opened = {conn_id: connections.get(conn_id) for conn_id in sorted(set(conn_ids))}
    return [
        warning
        for conn_id, access in opened.items()
        if isinstance(access, SftpAccess)
        for warning in given_up(access, conn_id)
    ]
