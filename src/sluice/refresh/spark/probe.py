"""A test of a cluster before a refresh needs it."""

from __future__ import annotations

from uuid import uuid4

from sluice.definition.models.project import Staging
from sluice.filesystem import open_filesystem
from sluice.model.access import Connections, SparkSubmitAccess
from sluice.refresh.spark.session import access_of, session
from sluice.refresh.spark.staged import Staged
from sluice.refresh.spark.submit.submitted import Submitted

_NAME = "sluice check"


def probed(conn_id: str, staging: Staging, connections: Connections) -> str:
    """Open a session with all settings, or run a job, and look whether the cluster sees staging; the result in words.
    Raises `SluiceError` if no segment could be evaluated."""
    opened, name = open_filesystem(connections, staging.airflow_conn_id, staging.path), f"spark-{uuid4().hex}"
    access, folder, placed = access_of(conn_id, connections), opened.below(name), connections.get(opened.conn_id)
    try:
        if isinstance(access, SparkSubmitAccess):
            job = Submitted("select 1 as key", {}, access, conn_id, _NAME, folder, placed)
            job.run()
            return f"{job.engine}, whose jobs {access.binary} starts, and which sees staging"
        with session(access, conn_id, _NAME) as spark:
            seen = Staged(folder, placed, spark).seen
            sight = (
                "sees staging, and writes keys there" if seen else "does not see staging: keys come over Spark Connect"
            )
            return f"Spark {spark.version}, which {sight}"
    finally:
        opened.remove_tree(name)
