"""A test of a cluster before a refresh needs it."""

from __future__ import annotations

from uuid import uuid4

from sluice.definition.models.project import Staging
from sluice.filesystem import open_filesystem
from sluice.model.access import Connections
from sluice.refresh.spark.session import access_of, session
from sluice.refresh.spark.staged import Staged


def probed(conn_id: str, staging: Staging, connections: Connections) -> str:
    """Open a session with all settings, and look whether the cluster sees staging; the result in words. Raises
    `SluiceError` if no segment could be evaluated."""
    opened, name = open_filesystem(connections, staging.airflow_conn_id, staging.path), f"spark-{uuid4().hex}"
    try:
        with session(access_of(conn_id, connections), conn_id, "sluice check") as spark:
            seen = Staged(opened.below(name), connections.get(opened.conn_id), spark).seen
            sight = (
                "sees staging, and writes keys there" if seen else "does not see staging: keys come over Spark Connect"
            )
            return f"Spark {spark.version}, which {sight}"
    finally:
        opened.remove_tree(name)
