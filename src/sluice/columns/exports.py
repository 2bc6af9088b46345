"""Checks the columns named in an export: those of its fields, and those of `unique`."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from sluice.columns.consent import of_rules
from sluice.columns.fields import of_field, of_text
from sluice.columns.finding import Finding, no_column
from sluice.definition.models.catalog import Dataset
from sluice.definition.models.export import ExportBase, SegmentExport
from sluice.definition.models.fields import FieldSpec
from sluice.definition.models.project import Project
from sluice.definition.references import Reference, feeds
from sluice.sources.base import Columns


class Exports:
    """Checks exports. Many have the same field of the same dataset, whose SQL is then compiled only once."""

    def __init__(self, project: Project, known: Mapping[str, Columns]) -> None:
        self._project = project
        self._known = known
        self._checked: dict[tuple[str, FieldSpec], list[Finding]] = {}

    def of(self, export: ExportBase) -> Iterator[Finding]:
        for dataset in datasets_of(export, self._project):
            yield from of_rules(export, dataset, self._project, self._known)
            columns = self._known.get(dataset.name)
            if columns is not None:
                yield from _unique(export, dataset, columns)
            for index, spec in enumerate(export.fields) if isinstance(export, SegmentExport) else ():
                if spec.metric is not None:  # checked with the dataset
                    continue
                for finding in self._field(spec, dataset, columns):
                    subject = ("exports", export.name, "fields", index, *finding.subject)
                    yield Finding(**(vars(finding) | {"subject": subject}))

    def _field(self, spec: FieldSpec, dataset: Dataset, columns: Columns | None) -> Sequence[Finding]:
        if (dataset.name, spec) not in self._checked:
            found = of_text(spec) if columns is None else of_field(spec, dataset.name, columns)
            self._checked[dataset.name, spec] = list(found)
        return self._checked[dataset.name, spec]


def datasets_of(export: ExportBase, project: Project) -> list[Dataset]:
    """The datasets whose rows an export delivers, each once; without those that depend on a missing connection."""
    names = (_delivered(feed, export, project) for feed in feeds(export))
    return [project.datasets[name] for name in dict.fromkeys(names) if name]


def _delivered(feed: Reference, export: ExportBase, project: Project) -> str | None:
    if feed.families[0] != "segment":
        return feed.name
    dataset = project.datasets[project.segments[feed.name].dataset]
    connection = project.connections.get(export.connection)
    if dataset.contacts is None or connection is None:
        return dataset.name if dataset.contacts is None else None
    contacts = connection.contacts_of(dataset)
    return contacts.dataset if contacts else dataset.name


def lists_of(export: ExportBase, project: Project) -> list[Dataset]:
    """The datasets that list whom an export leaves out, each once."""
    connection = project.connections.get(export.connection)
    rules = (*export.suppress, *(connection.suppress if connection else ()))
    return [project.datasets[name] for name in dict.fromkeys(rule.dataset for rule in rules)]


def _unique(export: ExportBase, dataset: Dataset, columns: Columns) -> Iterator[Finding]:
    if export.unique is None:
        return
    named: list[tuple[tuple[str | int, ...], str]] = [(("by", i), name) for i, name in enumerate(export.unique.by)]
    named += [(("order",), export.unique.order)] if export.unique.order else []
    for way, name in named:
        if name not in columns.schema.names:
            subject = ("exports", export.name, "unique", *way)
            yield no_column(subject, name, columns.schema.names, datasets=[dataset.name], sure=columns.whole)
