"""Airflow shows every broken declaration here, as this file's import error. It makes no airflow DAG."""

from sluice.airflow import show_broken

show_broken(globals())
