"""Buttons on the page of the task `publish`: links to the manifest and to the report.

The plugin registers them, so that the API server makes them when somebody looks. Links of the operator itself would be
two more requests in every run."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from airflow.sdk import BaseOperatorLink

from sluice.airflow.private import returned

if TYPE_CHECKING:
    from airflow.sdk import BaseOperator

_PUBLISH = type("PublishOperator", (), {"__module__": "sluice.airflow.operators.publish"})
"""Airflow compares the names alone, and the API server does not import what tasks need."""


class ManifestLink(BaseOperatorLink):
    """The manifest's address at the destination; empty for a run that has published nothing."""

    name = "Manifest"
    operators = [_PUBLISH]

    def get_link(self, operator: BaseOperator, *, ti_key: Any) -> str:  # noqa: ARG002 - Airflow's signature
        address = str((returned(ti_key) or {}).get("manifest", ""))
        return f"file://{address}" if address.startswith("/") else address


class ReportLink(BaseOperatorLink):
    """The run's report in Airflow's API."""

    name = "Report"
    operators = [_PUBLISH]

    def get_link(self, operator: BaseOperator, *, ti_key: Any) -> str:
        from airflow.sdk import conf

        base = (conf.get("api", "base_url", fallback="") or "").rstrip("/")
        run = f"dags/{ti_key.dag_id}/dagRuns/{quote(ti_key.run_id, safe='')}"
        path = f"{base}/api/v2/{run}/taskInstances/{operator.task_id}/xcomEntries/return_value"
        return path if returned(ti_key) else ""
