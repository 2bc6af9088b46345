"""A segment evaluated by a `spark-submit` job: the document that the job reads, and the answer that it writes."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from itertools import chain
from typing import Any
from uuid import uuid4

from sluice.errors import DefinitionError, FatalError, RetriableError, SluiceError
from sluice.filesystem import Opened
from sluice.model.access import Access, SparkSubmitAccess
from sluice.refresh.keys import Keys
from sluice.refresh.spark.addresses import address_of, literal
from sluice.refresh.spark.failures import explained
from sluice.refresh.spark.session import PINNED, refuse_old
from sluice.refresh.spark.staged import collected
from sluice.refresh.spark.submit.job import UNSEEN
from sluice.refresh.spark.submit.launch import Ended, launched
from sluice.refresh.spark.tables import Files
from sluice.sql.translation.relation import Relation

_MOVED = "the job of spark-submit wrote its keys to staging"


@dataclass
class Submitted:
    """A query for a job that `spark-submit` starts. It reads and writes below a folder of staging."""

    query: str
    tables: Mapping[str, Files]
    access: SparkSubmitAccess
    conn_id: str
    name: str
    """The job's name in Spark's UI."""
    folder: Opened
    staging: Access
    _place: str = field(default_factory=lambda: uuid4().hex, init=False)
    """What an earlier attempt may still be writing is elsewhere."""
    _version: str = field(default="", init=False)

    @property
    def engine(self) -> str:
        return f"Spark {self._version}".strip()

    @property
    def relations(self) -> dict[str, Relation]:
        return {name: table.relation for name, table in self.tables.items()}

    def keys(self) -> Keys:
        """The distinct keys, after the job has ended."""
        records = self.run()
        tables = collected(self.folder, f"{self._place}/keys", records, self.conn_id)
        if (first := next(tables, None)) is None:
            raise FatalError(
                f"connection {self.conn_id}: the job has written no file of keys",
                next_step="let the cluster and the workers see the same staging, then clear the task",
            )
        return Keys(chain([first], (table.cast(first.schema) for table in tables)), _MOVED)

    def run(self) -> int:
        """Run the job, and return the number of keys that it has written to staging. Raises `DefinitionError` if
        clusters cannot see staging, `FatalError` if the job has not seen it, has read other rows than the pinned ones
        or has failed for good, and `RetriableError` if it has ended in another way."""
        document = f"{self._place}/document.json"
        self.folder.write_bytes(document, json.dumps(self._document()).encode())
        ended = launched(self.access, self.conn_id, self.name, literal(self._address("document.json")))
        answer = self._answer()
        if answer is None or ended.code:
            raise _unanswered(ended, self.conn_id, self.folder)
        self._version = str(answer["spark"])
        refuse_old(self._version, self.conn_id)
        if "unlike" in answer:
            name, records, partitions = answer["unlike"]
            raise next(table for table in self.tables.values() if table.named == name).differing(records, partitions)
        if "failed" in answer:
            doing, condition, state, analysis = answer["failed"]
            raise explained(condition, state, self.conn_id, doing, analysis=bool(analysis))
        return int(answer["records"])

    def _document(self) -> dict[str, Any]:
        return {
            "settings": PINNED,
            "tables": [table.described for table in self.tables.values()],
            "query": self.query,
            "keys": self._address("keys"),
            "answer": self._address("answer"),
        }

    def _address(self, name: str) -> str:
        return place_in(self.staging, self.folder, f"{self._place}/{name}", self.conn_id)

    def _answer(self) -> dict[str, Any] | None:
        """The job's answer; None if there is none, or only the beginning of one. What is not committed is in a folder
        of its own."""
        place = f"{self._place}/answer"
        files = self.folder.list(place) if self.folder.is_folder(place) else []
        text = b"".join(self.folder.read_bytes(file.name) for file in files if file.name.startswith(f"{place}/part-"))
        try:
            answer: dict[str, Any] | None = json.loads(text) if text else None
        except ValueError:
            return None
        return answer


def place_in(staging: Access, folder: Opened, name: str, conn_id: str) -> str:
    """The address of a file of staging. Raises `DefinitionError` if clusters have none for it."""
    address = address_of(staging, folder, name)
    if address is None:
        raise DefinitionError(
            f"connection {conn_id}: a job of spark-submit writes its keys to staging, and Spark has no filesystem for"
            f" connection {folder.conn_id}",
            known=["fs (a folder that the cluster mounts)", "aws", "google_cloud_platform", "wasb", "adls"],
            next_step="let `staging` in project.yaml name a connection of these types, or use a connection of type"
            " spark_connect",
        )
    return address


def _unanswered(ended: Ended, conn_id: str, folder: Opened) -> SluiceError:
    """What is known if the job has not answered. Its output may quote values, so it is not shown."""
    same = f"let the driver and the executors see {folder.conn_id}, the connection of staging, at the same address"
    if ended.code == UNSEEN:
        return FatalError(
            f"connection {conn_id}: the job has not found in staging what this worker has written there", next_step=same
        )
    if not ended.code:
        return FatalError(f"connection {conn_id}: the job has ended without an answer in staging", next_step=same)
    how = f"exit code {ended.code}" if ended.code > 0 else f"signal {-ended.code}"
    kinds = f": {', '.join(ended.exceptions)}" if ended.exceptions else ""
    log = f"the cluster's log of {', '.join(ended.applications)}" if ended.applications else "the cluster's log"
    return RetriableError(
        f"connection {conn_id}: spark-submit ended with {how}{kinds}",
        next_step=f"look into {log}, and run a job with spark-submit on this worker; {same}",
    )
