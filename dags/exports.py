"""Airflow finds the exports here: a DAG for each declared export, `export__<name>`."""

from airflow.sdk import get_parsing_context

from sluice.airflow.dags import export_dags
from sluice.airflow.project import include_folder

for dag in export_dags(include_folder(), only=get_parsing_context().dag_id):
    globals()[dag.dag_id] = dag
