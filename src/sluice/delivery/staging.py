"""A run's staging: its plan, extracts and receipts, in the project's staging folder, for its later steps.

Airflow passes small values between tasks. These values may be large, and must outlive a task that is killed.
"""

from __future__ import annotations

import socket
from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any, TypeVar
from uuid import uuid4

from pydantic import BaseModel, ConfigDict

from sluice.definition.models.project import Staging
from sluice.errors import FatalError
from sluice.filesystem import Opened, open_filesystem
from sluice.model.access import Connections
from sluice.plan.model import Plan

Value = TypeVar("Value", bound=BaseModel)
_IDENTITY = "identity/of-this-staging-folder"
_COARSE = timedelta(seconds=1)
"""Some stores tell a file's time in whole seconds."""


class StagedRun(BaseModel):
    """The location of a run's staging: all that a later step needs to know."""

    model_config = ConfigDict(frozen=True)

    airflow_conn_id: str
    folder: str
    identity: str = ""
    """Of the staging folder that `extract` wrote to; empty if it is unknown, and then not checked."""
    written_at: str = ""
    """The worker's host name and the path of the folder there."""

    @classmethod
    def of(cls, plan: Plan) -> StagedRun:
        return cls.named(plan.staging, plan.export.name, str(plan.run.id))

    @classmethod
    def named(cls, staging: Staging, export: str, flow_run_id: str) -> StagedRun:
        """The staging of a run; the run need not exist."""
        folder = f"{staging.path}/runs/{export}/{flow_run_id}".lstrip("/")
        return cls(airflow_conn_id=staging.airflow_conn_id, folder=folder)

    @classmethod
    def from_extracted(cls, extracted: Mapping[str, Any]) -> StagedRun:
        """From the value that the extract step returned to Airflow."""
        return cls.model_validate({name: extracted[name] for name in cls.model_fields if name in extracted})

    def open(self, connections: Connections) -> Stage:
        """Raises `FatalError` if this worker sees another staging folder than `extract` wrote to."""
        if self.identity and self._identity(connections) != self.identity:
            raise FatalError(
                f"this worker, {socket.gethostname()}, does not see the staging folder of this run, which `extract`"
                f" wrote at {self.written_at}: all workers must share the staging folder",
                next_step=f"point the Airflow connection {self.airflow_conn_id} to a bucket or a mount that every"
                " worker has, then trigger a new run",
            )
        return Stage(open_filesystem(connections, self.airflow_conn_id, self.folder))

    def known(self, connections: Connections) -> StagedRun:
        """A copy with the identity of the staging folder; the first run creates the identity."""
        identity = self._identity(connections)
        if identity is None:
            root = self._root(connections)
            root.create(_IDENTITY, uuid4().hex.encode())
            identity = root.read_bytes(_IDENTITY).decode()
        written_at = f"{socket.gethostname()}: {open_filesystem(connections, self.airflow_conn_id, self.folder).root}"
        return self.model_copy(update={"identity": identity, "written_at": written_at})

    def _identity(self, connections: Connections) -> str | None:
        body = self._root(connections).find_bytes(_IDENTITY)
        return None if body is None else body.decode()

    def _root(self, connections: Connections) -> Opened:
        """The staging folder itself; `runs/<export>/<run>` is below it."""
        return open_filesystem(connections, self.airflow_conn_id, self.staging.path)

    @property
    def export(self) -> str:
        """The export's name."""
        return self.folder.split("/")[-2]

    @property
    def staging(self) -> Staging:
        """The staging folder that it lies in."""
        return Staging(airflow_conn_id=self.airflow_conn_id, path="/".join(self.folder.split("/")[:-3]))


def delivered_before(staging: Staging, export: str, connections: Connections) -> Opened:
    """The folder for what outlives an export's runs: its log of deliveries, reports and notices."""
    return open_filesystem(connections, staging.airflow_conn_id, f"{staging.path}/deliveries/{export}".lstrip("/"))


class Stage:
    """A run's opened staging folder. Every value is one JSON file, written atomically."""

    def __init__(self, opened: Opened) -> None:
        self.opened = opened

    def write(self, name: str, value: BaseModel) -> None:
        self.opened.write_bytes(f"{name}.json", value.model_dump_json(by_alias=True).encode())

    def find(self, name: str, kind: type[Value]) -> Value | None:
        """The value; None if it was not written. Raises `FatalError` if another version of Sluice wrote it in another
        form."""
        found = self.opened.find_bytes(f"{name}.json")
        try:
            return None if found is None else kind.model_validate_json(found)
        except ValueError as other:
            raise FatalError(
                f"{self.opened.at(name)}.json was written by another version of Sluice",
                next_step="trigger a new run: this one cannot continue",
            ) from other

    def time(self, now: datetime) -> datetime:
        """`now` by this machine's clock, or by that of the store, whichever is behind by more than a second."""
        self.opened.write_bytes("clock", b"")
        file = self.opened.stat("clock")
        return min(now, self.opened.written_at(file) + _COARSE) if file and file.modified else now

    def read(self, name: str, kind: type[Value]) -> Value:
        """The value. Raises `FatalError` if its step has not finished, or staging was cleaned since."""
        value = self.find(name, kind)
        if value is None:
            raise FatalError(
                f"staging holds no {name}.json for this run: it was cleaned, or an earlier step did not finish",
                next_step="clear the run from `extract` on, or trigger a new one",
            )
        return value
