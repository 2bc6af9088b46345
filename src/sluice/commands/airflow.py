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
    """Replace this process by `airflow WORD...`, with its output and exit status. It uses the local Airflow if one is
    running, otherwise the one that the environment describes, as on the machines of a deployment.

    Raises `FatalError` if the local Airflow has died."""
    local = running()
    if local is None and where().local.exists():
        home = os.environ.get("AIRFLOW_HOME", "~/airflow")
        print(f"the local Airflow is not running; this is the Airflow of {home}", file=sys.stderr)
    if local and not _answers(local.url):
        raise FatalError(
            f"the local Airflow was started at {local.url}, but nothing answers there",
            next_step="start it again: `make up`",
        )
    environment = local.environment if local else {**os.environ}
    sys.stdout.flush()
    sys.stderr.flush()
    argv = [sys.executable, "-P", "-m", "airflow", *args.words]  # -P: the working folder must not shadow modules
    os.execve(argv[0], argv, environment)  # noqa: S606 - no shell


def _answers(url: str) -> bool:
    address = urlsplit(url)
    try:
        socket.create_connection((address.hostname, address.port or 80), timeout=5).close()
    except OSError:
        return False
    return True
