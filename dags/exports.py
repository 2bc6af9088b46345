"""Airflow finds the exports here: a DAG for each declared export, `export__<name>`."""

from sluice.airflow import exports

exports(globals())
