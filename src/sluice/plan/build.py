"""Builds the plan from a declared export and a run, without side effects."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator
from typing import assert_never

from sluice.definition.models.catalog import DagRefresh, Dataset, Segment, SystemRefresh
from sluice.definition.models.chunks import rules_of
from sluice.definition.models.connection import Connection
from sluice.definition.models.export import DataOutExport, DatasetExport, Export, SegmentExport
from sluice.definition.models.project import Project
from sluice.definition.models.schedule import SYSTEM_REFRESH
from sluice.errors import DefinitionError
from sluice.formats import FORMATS
from sluice.formats.base import Format
from sluice.model.run import Run
from sluice.plan.layout import manifest_name, render_file, render_folder, values_of
from sluice.plan.model import Feed, Plan

DEFAULT_FORMATS = {"segment-export": "csv", "data-out-export": "csv", "dataset-export": "json"}
"""The default format of each kind, if neither the export nor its connection declares one."""


def build(project: Project, export: Export, run: Run) -> Plan:
    """The plan of `run`. Raises `DefinitionError` if the run requests something that the export does not have: unknown
    feeds, another mode, or a slice of time of an export that is not incremental."""
    _check_mode(export, run)
    connection = project.connections[export.connection]
    feeds = _wanted(tuple(_feeds(project, export, connection, run)), run)
    return Plan(
        run=run,
        export=export,
        connection=connection,
        format=_format(export, connection),
        chunks=rules_of(export.chunks, connection.rules),
        memory=export.memory or project.settings.memory,
        staging=project.settings.staging,
        feeds=feeds,
        manifest=manifest_name(export, connection, [feed.folder for feed in feeds], run),
        definition_hash=_hash(export, connection, feeds),
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
    """The DAG ids of all refreshes that the export depends on, through its segments and datasets; sorted."""
    names: set[str] = {SYSTEM_REFRESH} if export.needs_system_refresh else set()
    for dataset, segment in _selected(project, export):
        for read in (dataset.name, *(_reads(project, segment) if segment else ())):
            declared = project.datasets.get(read) or project.segments[read]
            names |= {declared.refreshed_by} if declared.refreshed_by else set()
        names |= {segment.refreshed_by} if segment else set()
    return tuple(sorted(_dag_id(project, name) for name in names))


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


def _selected(project: Project, export: Export) -> list[tuple[Dataset, Segment | None]]:
    match export:
        case SegmentExport():
            segments = [project.segments[name] for name in export.segments]
            return [(project.datasets[segment.dataset], segment) for segment in segments]
        case DataOutExport():
            return [(project.datasets[name], None) for name in export.entities]
        case DatasetExport():
            return [(project.datasets[name], None) for name in export.datasets]
        case _:
            assert_never(export)


def _feeds(project: Project, export: Export, connection: Connection, run: Run) -> Iterator[Feed]:
    """Every feed, in the order of their numbers in file names."""
    for index, (dataset, segment) in enumerate(_selected(project, export)):
        values = values_of(export, connection, dataset, segment, run, project.settings)
        yield Feed(
            name=segment.name if segment else dataset.name,
            dataset=dataset,
            segment=segment,
            fields=export.fields if isinstance(export, SegmentExport) else None,
            folder=render_folder(export, values),
            file=render_file(export, run, index, values),
        )


def _wanted(feeds: tuple[Feed, ...], run: Run) -> tuple[Feed, ...]:
    known = [feed.name for feed in feeds]
    for name in run.only:
        if name not in known:
            raise DefinitionError(
                f"export {run.export} has no feed {name!r}", known=known, next_step="start the run with one of these"
            )
    return tuple(feed for feed in feeds if not run.only or feed.name in run.only)


def _format(export: Export, connection: Connection) -> Format:
    default = DEFAULT_FORMATS[export.kind]
    return export.format or connection.format or FORMATS[default](type=default)


def _hash(export: Export, connection: Connection, feeds: tuple[Feed, ...]) -> str:
    declared = [export, connection, *(feed.dataset for feed in feeds), *(f.segment for f in feeds if f.segment)]
    values = [value.model_dump(mode="json", by_alias=True) for value in declared]
    return hashlib.sha256(json.dumps(values, sort_keys=True).encode()).hexdigest()
