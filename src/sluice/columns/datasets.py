"""Checks the columns named in a dataset's declaration: its key, and the column of `incremental`."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import UTC, datetime

from sluice.columns.finding import Finding, no_column, of_error
from sluice.definition.models.catalog import CursorColumn, Dataset
from sluice.errors import DefinitionError
from sluice.model.access import Connections
from sluice.sources.base import Columns
from sluice.sources.cursor import Cursor
from sluice.sources.position import Skipping
from sluice.sources.selection import comparable
from sluice.sources.times import times


def of_contacts(dataset: Dataset, known: Mapping[str, Columns]) -> Iterator[Finding]:
    """The column that holds the key of a contact's account exists, and its values can be such keys."""
    contacts = dataset.contacts
    found = known.get(contacts.dataset) if contacts else None
    if contacts is None or found is None:
        return
    subject, names = ("datasets", dataset.name, "contacts", "key"), found.schema.names
    if contacts.key not in names:
        yield no_column(subject, contacts.key, names, datasets=[contacts.dataset], sure=found.whole)
        return
    own = known.get(dataset.name)
    if own is None or dataset.key not in own.schema.names:
        return
    here, there = own.schema.field(dataset.key).type, found.schema.field(contacts.key).type
    if not comparable(here, there):
        what = f"`{contacts.key}` is {there}, but the key of `{dataset.name}`, which it should contain, is {here}"
        yield Finding(subject, what, next_step="cast one of them in the data", sure=own.whole and found.whole)


def of_dataset(dataset: Dataset, columns: Columns) -> Iterator[Finding]:
    subject, names = ("datasets", dataset.name), columns.schema.names
    if dataset.key not in names:
        yield no_column((*subject, "key"), dataset.key, names, datasets=[dataset.name], sure=columns.whole)
    if dataset.event_id is not None and dataset.event_id not in names:
        yield no_column((*subject, "event_id"), dataset.event_id, names, datasets=[dataset.name], sure=columns.whole)
    for name in dataset.columns:
        if name not in names:
            yield no_column((*subject, "columns"), name, names, datasets=[dataset.name], sure=columns.whole)
    if dataset.time is not None:
        yield from _of_time(dataset.time, dataset, columns)
    if not isinstance(dataset.incremental, CursorColumn):
        return
    column = dataset.incremental.column
    if column not in names:
        yield no_column((*subject, "incremental", "column"), column, names, datasets=[dataset.name], sure=columns.whole)
    elif str(columns.schema.field(column).type) != "null":
        try:
            cursor = Cursor(column, columns.schema, dataset=dataset.name)
            cursor.since(None, datetime.now(UTC), dataset.incremental.late)
        except DefinitionError as error:
            yield of_error(error, (*subject, "incremental"), sure=columns.whole)


def _of_time(column: str, dataset: Dataset, columns: Columns) -> Iterator[Finding]:
    subject, names = ("datasets", dataset.name, "time"), columns.schema.names
    if column not in names:
        yield no_column(subject, column, names, datasets=[dataset.name], sure=columns.whole)
    elif str(columns.schema.field(column).type) != "null":
        try:
            times(column, columns.schema, dataset=dataset.name)
        except DefinitionError as error:
            yield of_error(error, subject, sure=columns.whole)


def doubts(dataset: Dataset, connections: Connections) -> list[str]:
    """The reasons why an incremental delivery by column might miss rows of this dataset, each with the next step. Empty
    if the declaration says how late rows may appear."""
    by = dataset.added_by
    if not isinstance(by, CursorColumn) or by.waits:
        return []
    source = dataset.source.open(connections, dataset=dataset.name)
    return source.doubts(by.column) if isinstance(source, Skipping) else []
