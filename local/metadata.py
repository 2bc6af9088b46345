"""Prepare Airflow's metadata database: its tables, then the connections, pools and variables of the settings file.

`python -m local.metadata SETTINGS` runs in a local Airflow's environment, as a separate process, because Airflow reads
its configuration at import. Both steps share the process, because most of the time goes into that import.
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING

from local import settings
from sluice.where import where

if TYPE_CHECKING:
    from sqlalchemy.orm import Session


def prepare(file: Path) -> None:
    """Upgrade the tables to this Airflow's version, and write what `file` and the connections declare. Entries of the
    same name are replaced."""
    declared = settings.read(file)
    pools = [*declared.pools, *settings.pools(where().include)]
    from airflow.utils.db import upgradedb
    from airflow.utils.session import create_session

    upgradedb()
    with create_session() as session:
        for connection in declared.connections:
            _write_connection(session, connection)
        for pool in pools:
            _write_pool(session, pool)
        for variable in declared.variables:
            _write_variable(session, variable)


def _write_connection(session: Session, declared: settings.Connection) -> None:
    from airflow.models import Connection
    from sqlalchemy import delete

    given = declared.model_dump(exclude_none=True)
    parts = {name if name in {"conn_id", "conn_type"} else name.removeprefix("conn_"): given[name] for name in given}
    session.execute(delete(Connection).where(Connection.conn_id == declared.conn_id))
    session.add(Connection(**parts))


def _write_pool(session: Session, declared: settings.Pool) -> None:
    from airflow.models.pool import Pool

    Pool.create_or_update_pool(
        declared.pool_name,
        slots=declared.pool_slot,
        description=declared.pool_description,
        include_deferred=declared.pool_include_deferred,
        session=session,
    )


def _write_variable(session: Session, declared: settings.Variable) -> None:
    from airflow.models import Variable

    Variable.set(declared.variable_name, declared.variable_value, session=session)


if __name__ == "__main__":
    prepare(Path(sys.argv[1]))
