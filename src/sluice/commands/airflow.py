"""`sluice airflow`: Airflow's own command, for the Airflow that runs the exports."""

from __future__ import annotations

import os
import socket
import sys
from argparse import Namespace
from typing import NoReturn
from urllib.parse import urlsplit

from sluice.airflow.local import running
from sluice.errors import FatalError
from sluice.where import where


def airflow(args: Namespace) -> NoReturn:
    """Become `airflow WORD...`: its output and its exit status are this command's. It speaks to the local Airflow if
    one runs, and otherwise to the one that the environment describes, as on the machines of a deployment.

    Raises `FatalError` if the local one has stopped by itself."""
    local = running()
    if local is None and where().local.exists():
        home = os.environ.get("AIRFLOW_HOME", "~/airflow")
        print(f"the local Airflow does not run: this is the Airflow of {home}", file=sys.stderr)
    if local and not _answers(local.url):
        raise FatalError(
            f"the local Airflow was started at {local.url}, and nothing answers there",
            next_step="start it again: `make up`",
        )
    environment = local.environment if local else {**os.environ}
    sys.stdout.flush()
    sys.stderr.flush()
    argv = [sys.executable, "-P", "-m", "airflow", *args.words]  # -P: no module of the working folder comes first
    os.execve(argv[0], argv, environment)  # noqa: S606 - no shell


def _answers(url: str) -> bool:
    address = urlsplit(url)
    try:
        socket.create_connection((address.hostname, address.port or 80), timeout=5).close()
    except OSError:
        return False
    return True
