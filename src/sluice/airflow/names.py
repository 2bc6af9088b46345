"""Names in Airflow, computed without importing Airflow."""

from __future__ import annotations

import hashlib
import re

from sluice.model.declared import is_name

PREFIX = "export__"


def dag_id(export: str) -> str:
    """The DAG id of an export. If its file name is not a valid name, for example because of a space, the id is one that
    Airflow accepts and no other export has: valid names contain no dot."""
    if is_name(export):
        return PREFIX + export
    readable = re.sub(r"[^A-Za-z0-9_-]+", "_", export)[:100]
    digest = hashlib.sha256(export.encode("utf-8", "surrogateescape")).hexdigest()
    return f"{PREFIX}{readable}.{digest[:8]}"
