"""The entry in Airflow's list of providers, found by the entry point `apache_airflow_provider`."""

from __future__ import annotations

from importlib.metadata import version
from typing import Any

from sluice.extras import DISTRIBUTION


def info() -> dict[str, Any]:
    """The provider's description, in Airflow's schema."""
    return {
        "package-name": DISTRIBUTION,
        "name": "Sluice",
        "description": "Delivers customer data: exports in YAML become DAGs that stream to object stores and SFTP.",
        "versions": [version(DISTRIBUTION)],
    }
