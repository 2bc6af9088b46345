"""The Airflow side: a thin layer around the core. Each operator and sensor calls one core function.

A DAG file with all declared exports and the system refresh:

    from sluice.airflow import exports, refreshes

    exports(globals())
    refreshes(globals())
"""

from __future__ import annotations

from collections.abc import MutableMapping
from typing import Any


def exports(names: MutableMapping[str, Any], *, shard: int = 1, of: int = 1) -> None:
    """Add a DAG for each declared export, `export__<name>`, to `names`: the `globals()` of a DAG file.

    With `of=n`, only for the exports of one of n shards, numbered from 1: n DAG files, each with another `shard`, hold
    every export once. Airflow parses them in parallel, and each has its own timeout.

    The declarations are those of the file's project: `SLUICE_INCLUDE`, or the `include/` next to the file or to the
    file's folder, as in `sluice.where`. A broken declaration becomes a DAG whose tasks fail with the error."""
    from airflow.sdk import get_parsing_context

    from sluice.airflow.dags import export_dags
    from sluice.airflow.shards import Shard

    for dag in export_dags(_include(names), only=get_parsing_context().dag_id, shard=Shard(shard, of)):
        names[dag.dag_id] = dag


def refreshes(names: MutableMapping[str, Any]) -> None:
    """Add the DAG `system_refresh`, which evaluates every segment in dependency order, to a DAG file's `globals()`."""
    from airflow.sdk import get_parsing_context

    from sluice.airflow.refresh import refresh_dag
    from sluice.airflow.rights import existing_roles, granted

    dag = refresh_dag(_include(names))
    if get_parsing_context().dag_id is None:
        granted(dag, existing_roles())
    names[dag.dag_id] = dag


def show_broken(names: MutableMapping[str, Any]) -> None:
    """Raise the errors of the declarations, so that Airflow shows them as the import error of this DAG file. Call it in
    a separate file: an import error hides all DAGs of its file."""
    from sluice.definition.load import load

    if errors := load(_include(names)).errors:
        raise SystemExit("\n\n".join(error.page() for error in errors))


def _include(names: MutableMapping[str, Any]) -> Any:
    """The folder of declarations for a DAG file, and for the tasks that this process runs."""
    from sluice.where import of_dag_file

    return of_dag_file(str(names.get("__file__", ""))).include
