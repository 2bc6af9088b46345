"""Builds the plan from a declared export and a run, without side effects."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Mapping
from datetime import datetime
from typing import assert_never

from sluice.definition.inbound import inbound_of
from sluice.definition.models.catalog import DagRefresh, Dataset, Segment, SystemRefresh
from sluice.definition.models.chunks import rules_of
from sluice.definition.models.connection import Connection
from sluice.definition.models.export import DataOutExport, DatasetExport, Export, SegmentExport
from sluice.definition.models.fields import FieldSpec
from sluice.definition.models.limits import smallest
from sluice.definition.models.project import Project
from sluice.definition.models.schedule import SYSTEM_REFRESH
from sluice.errors import DefinitionError
from sluice.formats import FORMATS
from sluice.formats.base import Format
from sluice.model.run import Run
from sluice.plan.layout import manifest_name, render_file, render_folder, trigger_name, values_of
from sluice.plan.model import Feed, Plan

DEFAULT_FORMATS = {"segment-export": "csv", "data-out-export": "csv", "dataset-export": "json"}
"""The default format of each kind, if neither the export nor its connection declares one."""


def build(project: Project, export: Export, run: Run) -> Plan:
    """The plan of `run`. Raises `DefinitionError` if the run requests something that the export does not have: unknown
    feeds, another mode, or a slice of time of an export that is not incremental."""
    _check_mode(export, run)
    connection = project.connections[export.connection]
    lists = lists_of(project, export, connection)
    every = tuple(_feeds(project, export, connection, run))
    feeds = _wanted(every, export, run)
    # The folder of manifests does not depend on which datasets are due.
    folders = [feed.folder for feed in (feeds if run.only else every)]
    manifest = manifest_name(export, connection, folders, run)
    dataset, segment = selected(project, export)[0]
    values = values_of(export, connection, dataset, segment, run, project.settings)
    return Plan(
        run=run,
        export=export,
        connection=connection,
        format=_format(export, connection),
        chunks=rules_of(export.chunks, connection.rules, smallest(connection.limits, project.settings.limits)),
        memory=export.memory or project.settings.memory,
        staging=project.settings.staging,
        lists=lists,
        subjects=project.settings.subjects,
        limits=project.settings.limits,
        guardrails=project.settings.guardrails,
        licence=project.settings.licence,
        command=project.settings.commands.get(export.follow_up.command) if export.follow_up else None,
        feeds=feeds,
        manifest=manifest,
        trigger=trigger_name(export, manifest, values),
        definition_hash=_hash(export, connection, feeds, lists),
        refreshes=refresh_dags(project, export),
    )


def _check_mode(export: Export, run: Run) -> None:
    """A run can override its export's mode only with `full`. A slice of time needs the mode `incremental`."""
    if run.window and export.mode != "incremental":
        requested, needed = "deliver a slice of time", "incremental"
    elif run.mode not in (None, "full", export.mode):
        requested, needed = f"have `mode: {run.mode}`", run.mode
    else:
        return
    raise DefinitionError(
        f"export {run.export} has `mode: {export.mode}`, so its runs cannot {requested}",
        next_step=f"start the run without that option, or declare `mode: {needed}` if the export's kind supports it",
    )


def refresh_dags(project: Project, export: Export) -> tuple[str, ...]:
    """The DAG ids of all refreshes that the export depends on, through its segments, its datasets, and the lists of
    those who are left out; sorted."""
    names: set[str] = {SYSTEM_REFRESH} if export.needs_system_refresh else set()
    for dataset, segment in selected(project, export):
        for read in (dataset.name, *(_reads(project, segment) if segment else ())):
            declared = project.datasets.get(read) or project.segments[read]
            names |= {declared.refreshed_by} if declared.refreshed_by else set()
        names |= {segment.refreshed_by} if segment else set()
    lists = lists_of(project, export, project.connections.get(export.connection))
    names |= {dataset.refreshed_by for dataset in lists.values() if dataset.refreshed_by}
    return tuple(sorted(_dag_id(project, name) for name in names))


def lists_of(project: Project, export: Export, connection: Connection | None) -> dict[str, Dataset]:
    """The datasets that list whom to leave out."""
    named = (*(connection.suppress if connection else ()), *export.suppress)
    return {one.dataset: project.datasets[one.dataset] for one in named}


def _reads(project: Project, segment: Segment) -> set[str]:
    """The names of everything that a segment reads, directly or through other segments. There are no cycles: a rule
    refuses them."""
    found = {segment.dataset, *segment.reads}
    for name in segment.reads:
        if name in project.segments:
            found |= _reads(project, project.segments[name])
    return found


def _dag_id(project: Project, name: str) -> str:
    match project.refreshes.get(name):
        case DagRefresh(dag_id=dag_id):
            return dag_id
        case SystemRefresh() | None:
            return name


def selected(project: Project, export: Export) -> list[tuple[Dataset, Segment | None]]:
    """The datasets whose rows an export's feeds deliver, each with its segment if it has one."""
    match export:
        case SegmentExport():
            segments = [project.segments[name] for name in export.segments]
            return [(_delivered(project, export, segment), segment) for segment in segments]
        case DataOutExport():
            return [(project.datasets[name], None) for name in export.entities]
        case DatasetExport():
            return [(project.datasets[name], None) for name in export.datasets]
        case _:
            assert_never(export)


def _delivered(project: Project, export: Export, segment: Segment) -> Dataset:
    """The segment's dataset, or that of its accounts' contacts."""
    dataset, connection = project.datasets[segment.dataset], project.connections.get(export.connection)
    contacts = connection.contacts_of(dataset) if connection else None
    return project.datasets[contacts.dataset] if contacts else dataset


def _feeds(project: Project, export: Export, connection: Connection, run: Run) -> Iterator[Feed]:
    """Every feed, in the order of their numbers in file names."""
    for index, (dataset, segment) in enumerate(selected(project, export)):
        values = values_of(export, connection, dataset, segment, run, project.settings)
        yield Feed(
            name=segment.name if segment else dataset.name,
            dataset=dataset,
            segment=segment,
            through=project.datasets[segment.dataset] if segment and segment.dataset != dataset.name else None,
            fields=_fields(export, dataset),
            mode=export.mode_of(segment.name if segment else dataset.name),
            oldest=_oldest(export, dataset, run),
            folder=render_folder(export, values),
            file=render_file(export, run, index, values),
        )


def _fields(export: Export, dataset: Dataset) -> tuple[FieldSpec, ...] | None:
    """The fields to deliver, with the expressions of their metrics. A visitor's id is always required."""
    if not isinstance(export, SegmentExport):
        return None
    fields = tuple(field.computed(dataset.metrics) for field in export.fields)
    if export.audience is None:
        return fields
    needed = export.audience.visitor_id
    return tuple(one.model_copy(update={"required": one.required or one.output == needed}) for one in fields)


def _oldest(export: Export, dataset: Dataset, run: Run) -> datetime | None:
    """Counted from when the run is due: a retry, or the same run cleared a month later, chooses the same rows."""
    age = export.age if isinstance(export, DatasetExport) and dataset.kind == "event" and dataset.time else None
    return None if age is None else run.time - age


def _wanted(feeds: tuple[Feed, ...], export: Export, run: Run) -> tuple[Feed, ...]:
    known = [feed.name for feed in feeds]
    for name in run.only:
        if name not in known:
            raise DefinitionError(
                f"export {run.export} has no feed {name!r}", known=known, next_step="start the run with one of these"
            )
    wanted = tuple(feed for feed in feeds if (feed.name in run.only if run.only else export.is_due(feed.name, run)))
    for feed in wanted if run.window else ():
        if feed.mode != "incremental":
            raise DefinitionError(
                f"export {run.export} delivers {feed.name} with `mode: {feed.mode}`, so no slice of time of it",
                next_step="start the run with only the feeds that are incremental",
            )
    return wanted


def _format(export: Export, connection: Connection) -> Format:
    default = DEFAULT_FORMATS[export.kind]
    return inbound_of(export, connection) or export.format or connection.format or FORMATS[default](type=default)


def _hash(export: Export, connection: Connection, feeds: tuple[Feed, ...], lists: Mapping[str, Dataset]) -> str:
    datasets = [*(feed.dataset for feed in feeds), *lists.values()]
    declared = [export, connection, *datasets, *(feed.segment for feed in feeds if feed.segment)]
    declared += [feed.through for feed in feeds if feed.through]
    values = [value.model_dump(mode="json", by_alias=True) for value in declared]
    return hashlib.sha256(json.dumps(values, sort_keys=True).encode()).hexdigest()
