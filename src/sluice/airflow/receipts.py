"""The receipts of a shard in Airflow's task state store. They outlive the process, and the API shows them."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from pydantic import BaseModel

from sluice.model.part import Part

if TYPE_CHECKING:
    from sluice.airflow.private import Logger, TaskStateStoreAccessor

PAGE = 80
"""Parts per key: a value of the store holds at most 65,535 bytes, and a part takes about 450."""


class Page(BaseModel):
    """Parts of one extract."""

    extract: str
    parts: tuple[Part, ...]


class TaskReceipts:
    """Pages of parts, `parts/0`, `parts/1`, ..., and the latest `progress`."""

    def __init__(self, store: TaskStateStoreAccessor, log: Logger, *, first: bool = False) -> None:
        """`first` means that there was no attempt before this one, so that Airflow need not be asked for its parts."""
        self.first = first
        self._store = store
        self._log = log
        self._pages = 0

    def sent(self, extract: str) -> list[Part]:
        """The parts that earlier attempts recorded for this extract."""
        parts: list[Part] = []
        if self.first:
            return parts
        while (page := self._store.get(f"parts/{self._pages}")) is not None:
            self._pages += 1
            written = Page.model_validate(page)
            parts += written.parts if written.extract == extract else ()
        return parts

    def record(self, extract: str, parts: Sequence[Part]) -> None:
        for first in range(0, len(parts), PAGE):
            page = Page(extract=extract, parts=tuple(parts[first : first + PAGE]))
            self._store.set(f"parts/{self._pages}", page.model_dump(mode="json"))
            self._pages += 1

    def tell(self, progress: dict[str, Any]) -> None:
        """Report the shard's progress, as a line in the log and as a value that the API shows."""
        self._store.set("progress", progress)
        self._log.info("progress %s", json.dumps(progress))
