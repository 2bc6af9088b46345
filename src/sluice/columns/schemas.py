"""Reads the current columns of datasets from their sources, once per dataset and with a timeout."""

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
"""The timeout for reading the columns of one source, in seconds."""
_AT_ONCE = 8
_NAMED = 5
"""The maximum number of datasets that a message names."""


@dataclass(frozen=True)
class Schemas:
    """The answers of the datasets' sources."""

    known: dict[str, Columns] = field(default_factory=dict)
    unread: dict[str, SluiceError] = field(default_factory=dict)
    """The reasons why datasets' columns are not known."""


def read_schemas(datasets: Iterable[Dataset], connections: Connections, *, deadline: float = DEADLINE) -> Schemas:
    """Read the columns of each dataset. Never raises: sources that are unreachable, refuse access or are broken are in
    `unread`. A connection that has timed out is not tried again for other datasets."""
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
    """Yield the datasets of each missing local folder, with one error: the lake may not exist yet."""
    for conn_id in sorted({dataset.source.airflow_conn_id for dataset in wanted}):
        try:
            access = connections.get(conn_id)
        except SluiceError:
            continue  # reported when the dataset is opened
        if isinstance(access, FolderAccess) and not access.path.is_dir():
            own = [dataset for dataset in wanted if dataset.source.airflow_conn_id == conn_id]
            names = ", ".join(dataset.name for dataset in own[:_NAMED]) + " and others" * (len(own) > _NAMED)
            error = FatalError(
                f"the columns of {names} are not checked, because the folder {access.path} of the Airflow "
                f"connection {conn_id} does not exist",
                next_step="nothing, if the data will be added later; otherwise correct the connection's extra `path`",
            )
            error.subject = ("datasets", own[0].name)
            yield own, error


class _Reading:
    """Reads the columns of one dataset after another. Thread-safe."""

    def __init__(self, connections: Connections, deadline: float) -> None:
        self._connections = connections
        self._deadline = deadline
        self._silent: set[str] = set()
        """The connections that have timed out."""

    def of(self, dataset: Dataset) -> Columns | SluiceError:
        conn_id = dataset.source.airflow_conn_id
        if conn_id in self._silent:
            what = f"dataset {dataset.name}: not tried, because connection {conn_id} has already timed out"
            return RetriableError(what)
        answers: list[Columns | SluiceError] = []
        # A daemon thread instead of a pool's: it cannot be stopped, and the command would wait for it at its end.
        reader = threading.Thread(target=lambda: answers.append(self._read(dataset)), daemon=True)
        reader.start()
        reader.join(self._deadline)
        if answers:
            return answers[0]
        self._silent.add(conn_id)
        what = f"connection {conn_id} did not return its columns within {self._deadline:g} seconds"
        return RetriableError(f"dataset {dataset.name}: {what}")

    def _read(self, dataset: Dataset) -> Columns | SluiceError:
        try:
            with about("datasets", dataset.name):
                return dataset.source.open(self._connections, dataset=dataset.name).columns()
        except SluiceError as error:
            return error
        except BaseException as error:  # an engine's panic is not an `Exception`, and must not hide the other datasets
            return FatalError(f"dataset {dataset.name}: its columns cannot be read: {said(error)}")
