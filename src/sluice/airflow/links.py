"""Buttons on the page of the task `publish`: links to the manifest and to the report."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from airflow.sdk import BaseOperatorLink

if TYPE_CHECKING:
    from airflow.sdk import BaseOperator


class ManifestLink(BaseOperatorLink):
    """The manifest's address at the destination; empty for a run that has published nothing. Airflow calls this in the
    worker, after the task has ended."""

    name = "Manifest"

    def get_link(self, operator: BaseOperator, *, ti_key: Any) -> str:  # noqa: ARG002 - Airflow's signature
        address = str((_report(ti_key) or {}).get("manifest", ""))
        return f"file://{address}" if address.startswith("/") else address


class ReportLink(BaseOperatorLink):
    """The run's report in Airflow's API."""

    name = "Report"

    def get_link(self, operator: BaseOperator, *, ti_key: Any) -> str:
        from airflow.sdk import conf

        base = (conf.get("api", "base_url", fallback="") or "").rstrip("/")
        run = f"dags/{ti_key.dag_id}/dagRuns/{quote(ti_key.run_id, safe='')}"
        path = f"{base}/api/v2/{run}/taskInstances/{operator.task_id}/xcomEntries/return_value"
        return path if _report(ti_key) else ""


def _report(ti: Any) -> Any:
    """The value that the task returned; None if there is none."""
    from airflow.sdk import BaseXCom

    return BaseXCom.get_one(key="return_value", dag_id=ti.dag_id, task_id=ti.task_id, run_id=ti.run_id, map_index=-1)
