"""What a run has published, from its staging."""

from __future__ import annotations

from contextlib import closing

from sluice.delivery.commit.committing import commit_of
from sluice.delivery.staging import Stage
from sluice.model.access import Connections
from sluice.model.manifest import Manifest
from sluice.plan.model import Plan


def published_manifest(plan: Plan, stage: Stage, connections: Connections) -> Manifest | None:
    """The manifest that the run has published; None if it has published nothing."""
    connection = plan.connection
    with closing(connection.destination.open(connections, name=connection.name, threads=1)) as destination:
        commit = commit_of(plan, stage, destination, connections)
        state = commit.log.state()
    intent = commit.staged(state.intent) if state.act == "published" else None
    return None if intent is None else Manifest.model_validate_json(intent.manifest)
