"""Rules of exports."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator
from typing import Any

from sluice.definition.errors.problem import Problem, either, unknown
from sluice.definition.models.catalog import Dataset
from sluice.definition.models.connection import Connection
from sluice.definition.models.export import DataOutExport, ExportBase, SegmentExport
from sluice.definition.models.macros import no_macros, uses, wrong_folder, wrong_level, wrong_template
from sluice.definition.references import Reference, feeds
from sluice.definition.rules.known import Known
from sluice.formats.template import Template

_MANY = {"profile": "profiles", "account": "accounts", "contact": "contacts", "event": "events", "table": "other rows"}
_PLACEHOLDER = re.compile(r"%(\d+)%")


def delivers_each_feed_once(export: ExportBase, known: Known) -> Iterator[Problem]:  # noqa: ARG001
    """Two feeds of one name would write the same files."""
    listed = list(feeds(export))
    for index, feed in enumerate(listed):
        if any(feed.name == other.name for other in listed[:index]):
            yield Problem(feed.path, f"`{feed.name}` is listed twice", "delete one of them")


def target_takes_its_kinds(export: ExportBase, known: Known) -> Iterator[Problem]:
    connection = _connection(export, known)
    for feed, dataset in datasets_of(export, known):
        if connection and dataset.kind not in connection.takes:
            what = (
                f"the {feed.families[0]} `{feed.name}` contains {_MANY[dataset.kind]}, but the connection "
                f"`{connection.name}` accepts only {either(_MANY[kind] for kind in connection.takes)}"
            )
            yield Problem(feed.path, what, f"choose another, or add `{dataset.kind}` to the connection's `takes`")


def whole_entities_are_no_events(export: ExportBase, known: Known) -> Iterator[Problem]:
    if isinstance(export, DataOutExport):
        for feed, dataset in datasets_of(export, known):
            if dataset.kind == "event":
                what = f"`{feed.name}` contains events, but entities are profiles, accounts or contacts"
                yield Problem(feed.path, what, "deliver events with an export of kind `dataset-export`")


def added_rows_can_be_found(export: ExportBase, known: Known) -> Iterator[Problem]:
    if getattr(export, "mode", "full") != "incremental":
        return
    for feed, dataset in datasets_of(export, known):
        if dataset.added_by is None:
            what = f"the export is incremental, but `{feed.name}` does not declare how added rows are found"
            advice = "add `incremental: {column: ...}` to the dataset, or `mode: full` to the export"
            yield Problem(feed.path, what, advice)


def fields_fit_every_segment(export: ExportBase, known: Known) -> Iterator[Problem]:
    """All segments of an export share one list of fields, so they must be of one kind."""
    if not isinstance(export, SegmentExport):
        return
    first: tuple[Reference, Dataset] | None = None
    for feed, dataset in datasets_of(export, known):
        first = first or (feed, dataset)
        if dataset.kind != first[1].kind:
            what = (
                f"`{feed.name}` contains {_MANY[dataset.kind]} and `{first[0].name}` {_MANY[first[1].kind]}: "
                "one list of fields cannot fit both"
            )
            yield Problem(feed.path, what, "deliver them with two exports")


def sends_what_the_target_requires(export: ExportBase, known: Known) -> Iterator[Problem]:
    connection = _connection(export, known)
    if connection is None or not isinstance(export, SegmentExport):
        return
    sent = [field.output for field in export.fields]
    for name in connection.requires:
        if name not in sent:
            what = f"the connection `{connection.name}` requires the field `{name}`, but the export does not send it"
            advice = f"add {{field: ..., as: {name}}}"
            found = unknown(("fields",), name, sent, what, advice, key=True)
            yield Problem(found.path, what, advice, found.nearest, key=True)


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
    connection = _connection(export, known)
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
    if connection := _connection(export, known):
        target = f"a destination of type {connection.destination.type}"
        allowed = connection.destination.allowed
        yield from wrong_template(("folder",), export.folder, allowed, target)
        if uses(export.folder, "DESTINATION_INSTANCE_NAME"):
            yield from wrong_level(("folder",), connection.title, "DESTINATION_INSTANCE_NAME", allowed, target)
        if folder := export.manifest.folder:
            yield from no_macros(("manifest", "folder"), folder, "the manifest's")
            yield from wrong_folder(("manifest", "folder"), folder.replace("%", ""), allowed, target)


def _connection(export: ExportBase, known: Known) -> Connection | None:
    found: Connection | None = known.get("connection", export.connection)
    return found


def datasets_of(export: ExportBase, known: Known) -> Iterator[tuple[Reference, Dataset]]:
    """Each feed with its dataset, if both are valid."""
    for feed in feeds(export):
        declared: Any = known.get(feed.families[0], feed.name)
        if declared is not None and feed.families[0] == "segment":
            declared = known.get("dataset", declared.dataset)
        if declared is not None:
            yield feed, declared
