"""The columns of datasets as their sources have them now: each dataset is asked once, and none for long."""

from __future__ import annotations

import threading
from collections.abc import Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field

from sluice.definition.models.catalog import Dataset
from sluice.errors import FatalError, RetriableError, SluiceError, about
from sluice.foreign import said
from sluice.model.access import Connections, FolderAccess
from sluice.sources.base import Columns

DEADLINE = 20.0
"""Seconds that one source may take to show its columns."""
_AT_ONCE = 8
_NAMED = 5
"""Datasets that a message names."""


@dataclass(frozen=True)
class Schemas:
    """What the datasets' sources have answered."""

    known: dict[str, Columns] = field(default_factory=dict)
    unread: dict[str, SluiceError] = field(default_factory=dict)
    """Why a dataset's columns are not known."""


def read_schemas(datasets: Iterable[Dataset], connections: Connections, *, deadline: float = DEADLINE) -> Schemas:
    """The columns of each dataset. Never raises: a source that is out of reach, refuses or is broken is in `unread`. A
    connection that does not answer in time is not asked again."""
    wanted, schemas, reading = list(datasets), Schemas(), _Reading(connections, deadline)
    for homeless, error in _without_folder(wanted, connections):
        schemas.unread[homeless[0].name] = error
        wanted = [dataset for dataset in wanted if dataset not in homeless]
    with ThreadPoolExecutor(_AT_ONCE, "schemas") as threads:
        for dataset, answer in zip(wanted, threads.map(reading.of, wanted), strict=True):
            if isinstance(answer, SluiceError):
                answer.subject = answer.subject or ("datasets", dataset.name)
                schemas.unread[dataset.name] = answer
            else:
                schemas.known[dataset.name] = answer
    return schemas


def _without_folder(wanted: list[Dataset], connections: Connections) -> Iterator[tuple[list[Dataset], SluiceError]]:
    """The datasets of each local folder that is not there, and that said once: a lake may not have been made yet."""
    for conn_id in sorted({dataset.source.airflow_conn_id for dataset in wanted}):
        try:
            access = connections.get(conn_id)
        except SluiceError:
            continue  # whoever opens the dataset says so
        if isinstance(access, FolderAccess) and not access.path.is_dir():
            own = [dataset for dataset in wanted if dataset.source.airflow_conn_id == conn_id]
            names = ", ".join(dataset.name for dataset in own[:_NAMED]) + " and others" * (len(own) > _NAMED)
            error = FatalError(
                f"the columns of {names} are not checked: there is no folder {access.path}, which the Airflow "
                f"connection {conn_id} names",
                next_step="nothing if the data comes later; else correct the connection's extra `path`",
            )
            error.subject = ("datasets", own[0].name)
            yield own, error


class _Reading:
    """Asks one dataset after another. Used by many threads."""

    def __init__(self, connections: Connections, deadline: float) -> None:
        self._connections = connections
        self._deadline = deadline
        self._silent: set[str] = set()
        """Connections that have let a deadline pass."""

    def of(self, dataset: Dataset) -> Columns | SluiceError:
        conn_id = dataset.source.airflow_conn_id
        if conn_id in self._silent:
            return RetriableError(
                f"dataset {dataset.name}: connection {conn_id} did not answer before: not asked again"
            )
        answers: list[Columns | SluiceError] = []
        # No thread of a pool: nobody can stop it, and the command's end would wait for it.
        asked = threading.Thread(target=lambda: answers.append(self._ask(dataset)), daemon=True)
        asked.start()
        asked.join(self._deadline)
        if answers:
            return answers[0]
        self._silent.add(conn_id)
        return RetriableError(
            f"dataset {dataset.name}: connection {conn_id} has not shown its columns within {self._deadline:g} seconds",
        )

    def _ask(self, dataset: Dataset) -> Columns | SluiceError:
        try:
            with about("datasets", dataset.name):
                return dataset.source.open(self._connections, dataset=dataset.name).columns()
        except SluiceError as error:
            return error
        except BaseException as error:  # engines panic beside `Exception`, and one dataset must not hide the others
            return FatalError(f"dataset {dataset.name}: its columns cannot be read: {said(error)}")
