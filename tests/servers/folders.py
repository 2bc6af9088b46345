"""A folder of this machine, as a connection."""

from __future__ import annotations

import json
from pathlib import Path


def folder_connection(folder: Path) -> str:
    """The Airflow connection to it, as JSON."""
    return json.dumps({"conn_type": "fs", "extra": {"path": str(folder)}})
