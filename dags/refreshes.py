"""Airflow finds the system refresh here: the DAG that evaluates every segment, in order."""

from sluice.airflow import refreshes

refreshes(globals())
