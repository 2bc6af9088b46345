"""The DAG that replaces one that cannot be created."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Literal

from airflow.sdk import DAG

from sluice.airflow.operators.broken import BrokenDeclarationOperator
from sluice.errors import DefinitionError

State = Literal["is broken", "is detached", "was removed"]


def broken(
    dag_id: str, title: str, errors: Sequence[DefinitionError], *, state: State = "is broken", **more: Any
) -> DAG:
    """A DAG with one task, which fails with the errors' pages. `state` says what happened to the declaration. `more`
    are further arguments of the DAG."""
    tag = state.split()[-1]
    page = "\n\n".join(error.page() for error in errors)
    dag = DAG(
        dag_id=dag_id,
        # A file may have any name, but a database does not store every character.
        dag_display_name="".join(c if c.isprintable() else "?" for c in title),
        description=f"{tag} declaration",
        doc_md=f"## This declaration {state}\n\n```\n{page}\n```\n",
        catchup=False,
        tags=["sluice", tag],
        default_args={"owner": "sluice", "retries": 0},
        **more,
    )
    with dag:
        BrokenDeclarationOperator(task_id="broken_declaration", page=page)
    return dag
