"""The name of the machine that a task runs on, as Airflow shows it."""

from __future__ import annotations

import os
import socket

WORKER = "SLUICE_WORKER"


def hostname() -> str:
    """The Celery worker's own name, because all workers of a local Airflow are on one machine; otherwise the host's."""
    return os.environ.get(WORKER) or socket.gethostname()
