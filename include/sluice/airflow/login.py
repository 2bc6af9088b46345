"""The Airflow that commands speak to: the one that the environment names, or the one that runs on this machine."""

from __future__ import annotations

import json
import os
from pathlib import Path

from sluice.airflow.rest import RefusedError, Rest
from sluice.errors import FatalError, RetriableError

LOCAL = Path(".local/run/address")
"""Where a local Airflow writes how to reach it, beside the folder of declarations."""


def login(include: Path) -> Rest:
    """A client of `SLUICE_AIRFLOW_URL`, as `SLUICE_AIRFLOW_TOKEN` or as `SLUICE_AIRFLOW_USER` with
    `SLUICE_AIRFLOW_PASSWORD`; without a URL, of the Airflow that `make up` has started.

    Raises `FatalError` where there is none, it does not answer, or it refuses the login."""
    rest = _named() or _local(include.resolve().parent / LOCAL)
    if rest is None:
        raise FatalError(
            "no Airflow is named, and none runs on this machine",
            next_step="start it by `make up`, or set SLUICE_AIRFLOW_URL, and SLUICE_AIRFLOW_TOKEN, or"
            " SLUICE_AIRFLOW_USER and SLUICE_AIRFLOW_PASSWORD",
        )
    try:
        rest.get("version")
        rest.get("dags", limit=1)
    except RetriableError as silent:
        advice = "look whether it runs, and whether SLUICE_AIRFLOW_URL is its address"
        raise FatalError(f"Airflow does not answer: {silent.what}", next_step=advice) from None
    except RefusedError as refused:
        advice = "correct SLUICE_AIRFLOW_TOKEN, or SLUICE_AIRFLOW_USER and SLUICE_AIRFLOW_PASSWORD"
        raise FatalError(f"{rest.url} does not let us in ({refused.status})", next_step=advice) from None
    return rest


def _named() -> Rest | None:
    url, token, user, password = (
        os.environ.get(f"SLUICE_AIRFLOW_{n}", "") for n in ("URL", "TOKEN", "USER", "PASSWORD")
    )
    return Rest(url, user, password, token=token) if url else None


def _local(record: Path) -> Rest | None:
    if not record.exists():
        return None
    address = json.loads(record.read_text())
    return Rest(address["url"], address["user"], address["password"])
