"""The Airflow side: a thin coat around the core. Operators and sensors call one core function each.

A DAG file needs two lines to have every declared export, and two more for the system refresh:

    from sluice.airflow import exports, refreshes

    exports(globals())
    refreshes(globals())
"""

from __future__ import annotations

from collections.abc import MutableMapping
from typing import Any


def exports(names: MutableMapping[str, Any]) -> None:
    """A DAG for each declared export, `export__<name>`, among a DAG file's own `names`: its `globals()`.

    The declarations are those of the file's project: `SLUICE_INCLUDE`, or the `include/` beside the file or beside the
    file's folder, as `sluice.where` says. A broken declaration becomes a DAG whose one task shows the error."""
    from airflow.sdk import get_parsing_context

    from sluice.airflow.dags import export_dags

    for dag in export_dags(_include(names), only=get_parsing_context().dag_id):
        names[dag.dag_id] = dag


def refreshes(names: MutableMapping[str, Any]) -> None:
    """The DAG `system_refresh`, which evaluates every segment in order, among a DAG file's own `names`."""
    from sluice.airflow.refresh import refresh_dag

    dag = refresh_dag(_include(names))
    names[dag.dag_id] = dag


def show_broken(names: MutableMapping[str, Any]) -> None:
    """Raise what is wrong with the declarations, which Airflow shows as the import error of the DAG file. In a file of
    its own: it hides that file's DAGs."""
    from sluice.definition.load import load

    if errors := load(_include(names)).errors:
        raise SystemExit("\n\n".join(error.page() for error in errors))


def _include(names: MutableMapping[str, Any]) -> Any:
    """The folder of declarations of a DAG file, for it and for the tasks that this process runs."""
    from sluice.where import of_dag_file

    return of_dag_file(str(names.get("__file__", ""))).include
