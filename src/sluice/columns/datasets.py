"""Checks the columns named in a dataset's declaration: its key, and the column of `incremental`."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime

from sluice.columns.finding import Finding, no_column, of_error
from sluice.definition.models.catalog import CursorColumn, Dataset
from sluice.errors import DefinitionError
from sluice.model.access import Connections
from sluice.sources.base import Columns
from sluice.sources.cursor import Cursor
from sluice.sources.position import Skipping


def of_dataset(dataset: Dataset, columns: Columns) -> Iterator[Finding]:
    subject, names = ("datasets", dataset.name), columns.schema.names
    if dataset.key not in names:
        yield no_column((*subject, "key"), dataset.key, names, datasets=[dataset.name], sure=columns.whole)
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


def doubts(dataset: Dataset, connections: Connections) -> list[str]:
    """The reasons why an incremental delivery by column might miss rows of this dataset, each with the next step. Empty
    if the declaration says how late rows may appear."""
    by = dataset.added_by
    if not isinstance(by, CursorColumn) or by.waits:
        return []
    source = dataset.source.open(connections, dataset=dataset.name)
    return source.doubts(by.column) if isinstance(source, Skipping) else []
