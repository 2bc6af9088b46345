"""The tasks of an export whose declaration is broken, is detached or was removed."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from airflow.sdk import BaseOperator, Context
from airflow.sdk.exceptions import AirflowFailException

from sluice.airflow.project import leave


class BrokenDeclarationOperator(BaseOperator):
    """Fails with the declaration's error, so that a broken export is visible among its runs."""

    template_fields: Sequence[str] = ()
    ui_color = "#f4c7c3"

    def __init__(self, *, page: str, shard: Any = None, **kwargs: Any) -> None:
        """`page`: the error; empty if the declaration is valid again. `shard` is the argument over which `upload` is
        mapped in a valid export."""
        super().__init__(**kwargs)
        self.page = page
        self.shard = shard

    def execute(self, context: Context) -> None:  # noqa: ARG002 - Airflow's signature
        if not self.page:
            self.log.info("the declaration was broken or had no connection when this run started, and is valid now")
            return
        leave(self.page)
        raise AirflowFailException(self.page)

    def resume_execution(
        self,
        next_method: str,  # noqa: ARG002 - Airflow's signature
        next_kwargs: dict[str, Any] | None,  # noqa: ARG002
        context: Context,
    ) -> None:
        """A run that has waited goes on in a method of the sensor that waited, which this task does not have."""
        self.execute(context)
