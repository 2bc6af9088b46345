"""What Airflow calls things: known without importing Airflow."""

from __future__ import annotations

PREFIX = "export__"


def dag_id(export: str) -> str:
    """The DAG of an export."""
    return PREFIX + export
