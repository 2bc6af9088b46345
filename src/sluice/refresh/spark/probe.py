"""A test of a cluster before a refresh needs it."""

from __future__ import annotations

from uuid import uuid4

from sluice.definition.models.project import Staging
from sluice.filesystem import open_filesystem
from sluice.model.access import Connections, SparkSubmitAccess
from sluice.refresh.spark.session import access_of, refuse_old, session
from sluice.refresh.spark.staged import Staged
from sluice.refresh.spark.submit.launch import installed
from sluice.refresh.spark.submit.submitted import place_in


def probed(conn_id: str, staging: Staging, connections: Connections) -> str:
    """Open a session with all settings, and look whether the cluster sees staging; the result in words. Raises
    `SluiceError` if no segment could be evaluated. A job is not started: it takes a minute in some clusters."""
    opened, name = open_filesystem(connections, staging.airflow_conn_id, staging.path), f"spark-{uuid4().hex}"
    access, placed = access_of(conn_id, connections), connections.get(opened.conn_id)
    if isinstance(access, SparkSubmitAccess):
        place_in(placed, opened, name, conn_id)
        version = installed(access, conn_id)
        refuse_old(version, conn_id)
        return f"Spark {version}, by {access.binary}; a refresh will show whether its jobs see staging"
    try:
        with session(access, conn_id, "sluice check") as spark:
            seen = Staged(opened.below(name), placed, spark).seen
            sight = (
                "sees staging, and writes keys there" if seen else "does not see staging: keys come over Spark Connect"
            )
            return f"Spark {spark.version}, which {sight}"
    finally:
        opened.remove_tree(name)
