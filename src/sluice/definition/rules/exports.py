"""Rules of exports."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator
from typing import Any, cast

from sluice.definition.errors.problem import Problem, unknown
from sluice.definition.models.catalog import Dataset
from sluice.definition.models.connection import Connection
from sluice.definition.models.export import DataOutExport, DatasetExport, ExportBase, LogFolder, SegmentExport
from sluice.definition.models.macros import no_macros, uses, wrong_folder, wrong_level, wrong_template
from sluice.definition.references import Reference, feeds
from sluice.definition.rules.known import Known
from sluice.formats.template import Template

MANY = {"profile": "profiles", "account": "accounts", "contact": "contacts", "event": "events", "table": "other rows"}
_PLACEHOLDER = re.compile(r"%(\d+)%")


def has_a_connection(export: ExportBase, known: Known) -> Iterator[Problem]:
    """Without one, the export is detached."""
    if not export.connection:
        what = f"export {export.name} has no connection: it does not run"
        advice = f"add `connection: NAME`, or run `sluice attach {export.name} NAME`"
        yield Problem((), what, advice, known=tuple(sorted(known.names("connection"))))


def delivers_each_feed_once(export: ExportBase, known: Known) -> Iterator[Problem]:  # noqa: ARG001
    """Two feeds of one name would write the same files."""
    listed = list(feeds(export))
    for index, feed in enumerate(listed):
        if any(feed.name == other.name for other in listed[:index]):
            yield Problem(feed.path, f"`{feed.name}` is listed twice", "delete one of them")


def whole_entities_are_no_events(export: ExportBase, known: Known) -> Iterator[Problem]:
    if isinstance(export, DataOutExport):
        for feed, dataset in datasets_of(export, known):
            if dataset.kind == "event":
                what = f"`{feed.name}` contains events, but entities are profiles, accounts or contacts"
                yield Problem(feed.path, what, "deliver events with an export of kind `dataset-export`")


def added_rows_can_be_found(export: ExportBase, known: Known) -> Iterator[Problem]:
    for feed, dataset in datasets_of(export, known):
        if export.mode_of(feed.name) == "incremental" and dataset.added_by is None:
            what = f"the export is incremental, but `{feed.name}` does not declare how added rows are found"
            advice = "add `incremental: {column: ...}` to the dataset, or `mode: full` to the export"
            yield Problem(feed.path, what, advice)


def application_is_licensed(export: ExportBase, known: Known) -> Iterator[Problem]:
    if isinstance(export, DatasetExport) and export.application and known.project.licence:
        licensed = [one.application for one in known.project.licence.applications]
        if export.application not in licensed:
            what = f"the licence has no application `{export.application}`"
            advice = "choose a licensed one, or add it to `licence.applications` in project.yaml"
            yield unknown(("application",), export.application, licensed, what, advice)


def fields_fit_every_segment(export: ExportBase, known: Known) -> Iterator[Problem]:
    """All segments of an export share one list of fields, so they must be of one kind."""
    if not isinstance(export, SegmentExport):
        return
    first: tuple[Reference, Dataset] | None = None
    for feed, dataset in datasets_of(export, known):
        first = first or (feed, dataset)
        if dataset.kind != first[1].kind:
            what = (
                f"`{feed.name}` contains {MANY[dataset.kind]} and `{first[0].name}` {MANY[first[1].kind]}: "
                "one list of fields cannot fit both"
            )
            yield Problem(feed.path, what, "deliver them with two exports")


def metrics_are_of_every_dataset(export: ExportBase, known: Known) -> Iterator[Problem]:
    if not isinstance(export, SegmentExport):
        return
    for dataset in {dataset.name: dataset for _, dataset in datasets_of(export, known)}.values():
        for index, field in enumerate(export.fields):
            if field.metric is not None and field.metric not in dataset.metrics:
                what = f"`{dataset.name}` has no metric `{field.metric}`"
                advice = f"choose one of its metrics, or add it to `metrics` of `{dataset.name}`"
                yield unknown(("fields", index, "metric"), field.metric, dataset.metrics, what, advice)


def field_names_differ(export: ExportBase, known: Known) -> Iterator[Problem]:  # noqa: ARG001
    """The comparison ignores case, as SQL does for column names."""
    if not isinstance(export, SegmentExport):
        return
    seen: Counter[str] = Counter()
    for index, field in enumerate(export.fields):
        seen[field.output.lower()] += 1
        if seen[field.output.lower()] == 2:
            yield Problem(("fields", index), f"two fields are named `{field.output}`", "rename one with `as`")


def template_fits_its_fields(export: ExportBase, known: Known) -> Iterator[Problem]:
    connection = connection_of(export, known)
    form = export.format or (connection.format if connection else None)
    if not isinstance(form, Template) or not isinstance(export, SegmentExport):
        return
    count = len(export.fields)
    path = ("format", "template") if export.format else ("fields",)
    for number in dict.fromkeys(int(found[1]) for found in _PLACEHOLDER.finditer(form.template)):
        if not 1 <= number <= count:
            what = f"the template uses field {number}, but the export has {count}: `%1%` to `%{count}%`"
            yield Problem(path, what, "add the field, or correct the number", key=path == ("fields",))


def folder_is_a_path(export: ExportBase, known: Known) -> Iterator[Problem]:
    if connection := connection_of(export, known):
        target = f"a destination of type {connection.destination.type}"
        allowed = connection.destination.allowed
        yield from wrong_template(("folder",), export.folder, allowed, target)
        if uses(export.folder, "DESTINATION_INSTANCE_NAME"):
            yield from wrong_level(("folder",), connection.title, "DESTINATION_INSTANCE_NAME", allowed, target)
        if folder := export.manifest.folder:
            yield from no_macros(("manifest", "folder"), folder, "the manifest's")
            yield from wrong_folder(("manifest", "folder"), folder.replace("%", ""), allowed, target)
        if isinstance(export.log, LogFolder):
            yield from no_macros(("log", "folder"), export.log.folder, "the log's")
            yield from wrong_folder(("log", "folder"), export.log.folder.replace("%", ""), allowed, target)


def connection_of(export: ExportBase, known: Known) -> Connection | None:
    found: Connection | None = known.get("connection", export.connection)
    return found


def datasets_of(export: ExportBase, known: Known) -> Iterator[tuple[Reference, Dataset]]:
    """Each feed with the dataset whose rows it delivers, if both are valid."""
    for feed in feeds(export):
        if (dataset := dataset_of(feed, export, known)) is not None:
            yield feed, dataset


def dataset_of(feed: Reference, export: ExportBase, known: Known) -> Dataset | None:
    """The dataset whose rows a feed delivers: of accounts, possibly that of their contacts. None if it is not valid, or
    if that depends on a connection that is missing."""
    declared: Any = known.get(feed.families[0], feed.name)
    if declared is None or feed.families[0] != "segment":
        return cast("Dataset | None", declared)
    dataset: Dataset | None = known.get("dataset", declared.dataset)
    if dataset is None or dataset.contacts is None:
        return dataset
    connection = connection_of(export, known)
    if connection is None:
        return None
    contacts = connection.contacts_of(dataset)
    return known.get("dataset", contacts.dataset) if contacts else dataset
