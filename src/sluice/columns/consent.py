"""Checks the columns of consent and suppression: those of the feeds, and those of the lists."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING

from sluice.columns.finding import Finding, no_column, of_error
from sluice.definition.load import Subject
from sluice.definition.models.catalog import Dataset
from sluice.definition.models.connection import Connection
from sluice.definition.models.consent import Consent, Suppression
from sluice.definition.models.export import ExportBase
from sluice.definition.models.project import Project
from sluice.errors import DefinitionError
from sluice.mapping.consent import Side, fit, values_of
from sluice.sources.base import Columns

if TYPE_CHECKING:
    import pyarrow as pa


def of_rules(export: ExportBase, dataset: Dataset, project: Project, known: Mapping[str, Columns]) -> Iterator[Finding]:
    """The problems of an export's rules and of its connection's, with one of its datasets."""
    connection = project.connections.get(export.connection)
    declared: list[tuple[str, ExportBase | Connection]] = [("exports", export)]
    declared += [("connections", connection)] if connection else []
    for family, one in declared:
        if one.consent:
            yield from _consent(one.consent, dataset, known, (family, one.name, "consent"))
        for index, rule in enumerate(one.suppress):
            listed = project.datasets[rule.dataset]
            yield from _suppression(rule, dataset, listed, known, (family, one.name, "suppress", index))


def _consent(consent: Consent, dataset: Dataset, known: Mapping[str, Columns], subject: Subject) -> Iterator[Finding]:
    columns = known.get(dataset.name)
    if columns is None:
        return
    kind = _type(columns, consent.column)
    if kind is None:
        yield _missing((*subject, "column"), consent.column, dataset, columns)
    elif str(kind) != "null":
        try:
            values_of(consent, kind, dataset.name)
        except DefinitionError as error:
            yield of_error(error, subject, sure=columns.whole)


def _suppression(
    rule: Suppression, dataset: Dataset, listed: Dataset, known: Mapping[str, Columns], subject: Subject
) -> Iterator[Finding]:
    sides = []
    for key, name, owner in (("by", rule.by, dataset), ("column", rule.column, listed)):
        columns = known.get(owner.name)
        if columns is None:
            continue
        column = name or owner.key
        kind = _type(columns, column)
        if kind is not None:
            sides.append(Side(owner.name, column, kind))
        elif name:  # a key that is missing is reported for its dataset
            yield _missing((*subject, key), name, owner, columns)
    if len(sides) == 2 and not any(str(side.kind) == "null" for side in sides):
        try:
            fit(rule, *sides)
        except DefinitionError as error:
            yield of_error(error, subject)


def _type(columns: Columns, name: str) -> pa.DataType | None:
    return columns.schema.field(name).type if name in columns.schema.names else None


def _missing(subject: Subject, name: str, dataset: Dataset, columns: Columns) -> Finding:
    return no_column(subject, name, columns.schema.names, datasets=[dataset.name], sure=columns.whole)
