"""Airflow finds the system refresh here: the DAG that evaluates every segment, in order."""

from sluice.airflow.project import include_folder
from sluice.airflow.refresh import refresh_dag

dag = refresh_dag(include_folder())
