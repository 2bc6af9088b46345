"""Rights on DAGs, under Airflow's FAB auth manager. Other auth managers ignore them."""

from __future__ import annotations

import logging
from collections.abc import Collection

from airflow.sdk import DAG, Variable

from sluice.access.roles import EXISTING, access_control
from sluice.airflow.private import auth_manager


def existing_roles() -> frozenset[str] | None:
    """The roles that DAGs can name, as `sluice roles --write` recorded them. None if Airflow has another auth manager
    or nothing is recorded: rights then stay as they are. Never raises."""
    if "FabAuthManager" not in auth_manager():
        return None
    try:
        recorded = Variable.get(EXISTING, default=None, deserialize_json=True)
    except Exception:
        logging.getLogger(__name__).exception("the variable %s cannot be read: rights stay as they are", EXISTING)
        return None
    return frozenset(filter(lambda role: isinstance(role, str), recorded)) if isinstance(recorded, list) else None


def granted(dag: DAG, existing: Collection[str] | None, shared_with: Collection[str] = ()) -> DAG:
    """The DAG, with rights for viewers and for the roles that its connection is shared with."""
    if existing is not None:
        # As an argument, it would log a warning for each DAG: Airflow 4 may replace it.
        dag.access_control = access_control(shared_with, existing)
    return dag
