"""What Airflow calls things: known without importing Airflow."""

from __future__ import annotations

import hashlib
import re

from sluice.model.declared import is_name

PREFIX = "export__"


def dag_id(export: str) -> str:
    """The DAG of an export. What is no name, as that of a file with a space in it, gets an id that Airflow takes and
    that no other export has: the dot stands in no name."""
    if is_name(export):
        return PREFIX + export
    readable = re.sub(r"[^A-Za-z0-9_-]+", "_", export)[:100]
    digest = hashlib.sha256(export.encode("utf-8", "surrogateescape")).hexdigest()
    return f"{PREFIX}{readable}.{digest[:8]}"
