"""Airflow shows every broken declaration here, as this file's import error. It makes no airflow DAG."""

from sluice.airflow.project import include_folder
from sluice.definition.load import load

if errors := load(include_folder()).errors:
    raise SystemExit("\n\n".join(error.page() for error in errors))
