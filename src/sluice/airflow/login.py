"""The Airflow that commands use: the one that the environment names, or the local one."""

from __future__ import annotations

import os
from pathlib import Path

from sluice.airflow.local import running
from sluice.airflow.rest import Outage, RefusedError, Rest
from sluice.errors import FatalError, RetriableError


def login(include: Path) -> Rest:
    """A client of `SLUICE_AIRFLOW_URL`, with `SLUICE_AIRFLOW_TOKEN`, or with `SLUICE_AIRFLOW_USER` and
    `SLUICE_AIRFLOW_PASSWORD`. Without a URL, a client of the Airflow that `make up` started.

    After the first answer, the client reports and waits out times when Airflow does not answer.

    Raises `FatalError` if there is no Airflow, it does not answer, it refuses the login, or it is the local one and
    runs other declarations than those in `include`."""
    rest = _named() or _local(include)
    if rest is None:
        raise FatalError(
            "no Airflow is named, and none is running on this machine",
            next_step="start it with `make up`; or set SLUICE_AIRFLOW_URL, and either SLUICE_AIRFLOW_TOKEN or"
            " SLUICE_AIRFLOW_USER and SLUICE_AIRFLOW_PASSWORD",
        )
    try:
        rest.get("version")
        rest.get("dags", limit=1)
    except RetriableError as silent:
        advice = "check whether it is running, and whether SLUICE_AIRFLOW_URL is its address"
        raise FatalError(f"Airflow does not answer: {silent.what}", next_step=advice) from None
    except RefusedError as refused:
        advice = "correct SLUICE_AIRFLOW_TOKEN, or SLUICE_AIRFLOW_USER and SLUICE_AIRFLOW_PASSWORD"
        raise FatalError(f"{rest.url} rejects the login ({refused.status})", next_step=advice) from None
    rest.outage = Outage()
    return rest


def _named() -> Rest | None:
    url, token, user, password = (
        os.environ.get(f"SLUICE_AIRFLOW_{n}", "") for n in ("URL", "TOKEN", "USER", "PASSWORD")
    )
    return Rest(url, user, password, token=token) if url else None


def _local(include: Path) -> Rest | None:
    found = running()
    if found is None:
        return None
    if Path(found.include).resolve() != include.resolve():
        raise FatalError(
            f"the local Airflow runs the declarations in {found.include}, but this command reads {include.resolve()}",
            next_step=f"use those: `SLUICE_INCLUDE={found.include} sluice ...`; or restart Airflow with these:"
            f" `make down`, then `SLUICE_INCLUDE={include.resolve()} make up`",
        )
    return Rest(found.url, found.user, found.password)
