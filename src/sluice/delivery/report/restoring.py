"""From manifests at destinations to the index of runs, for deliveries whose reports are gone."""

from __future__ import annotations

import logging
import re
from collections.abc import Iterator, Mapping
from contextlib import closing
from datetime import datetime

from sluice.definition.models.connection import Connection
from sluice.definition.models.project import Project
from sluice.errors import about
from sluice.model.access import Connections
from sluice.model.manifest import Manifest
from sluice.runs.journal import Journal
from sluice.runs.record import Record

log = logging.getLogger(__name__)
_MANIFEST = re.compile(r"(?:.*/)?manifest-[^/]+-[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}\.json")


def restore(project: Project, connection: Connection, connections: Connections) -> Iterator[str]:
    """Add every delivery of which a manifest is at the connection, and that the index lacks. Yields the export of each
    added delivery. A manifest has no time of publication, so the time at which the run was due takes its place."""
    journal, applications = Journal.of(project.settings.staging, connections), _applications(project)
    known = set(_delivered(journal, connection.name))
    for manifest, address in _manifests(connection, connections):
        if manifest.connection == connection.name and manifest.flowRunId not in known:
            known.add(manifest.flowRunId)
            journal.append(_record(manifest, address, applications))
            yield manifest.export


def _delivered(journal: Journal, connection: str) -> Iterator[str]:
    """The flow run ids of the deliveries to a connection that the journal has. A copy may know more than it."""
    import pyarrow.compute as pc

    for _, record in journal.read(journal.new()):
        if record is not None and (record.connection, record.outcome) == (connection, "published"):
            yield record.flow_run_id
    for day in journal.days().unread:
        table = journal.read_day(day)
        if table is not None:
            ours = pc.and_(pc.equal(table["connection"], connection), pc.equal(table["outcome"], "published"))
            yield from table.filter(ours)["flow_run_id"].to_pylist()


def _manifests(connection: Connection, connections: Connections) -> Iterator[tuple[Manifest, str]]:
    with (
        about("connections", connection.name),
        closing(connection.destination.open(connections, name=connection.name, threads=4)) as destination,
    ):
        for name in [stored.name for stored in destination.list("") if _MANIFEST.fullmatch(stored.name)]:
            address = destination.locate(name)
            try:
                yield Manifest.model_validate_json(b"".join(destination.read(name))), address
            except ValueError:
                log.warning("%s is not a manifest of Sluice, and is left out", address)


def _applications(project: Project) -> Mapping[str, str]:
    """The application of each export that names one."""
    every = (*project.exports.values(), *project.detached.values())
    return {one.name: getattr(one, "application", None) or "" for one in every}


def _record(manifest: Manifest, address: str, applications: Mapping[str, str]) -> Record:
    due = datetime.fromisoformat(manifest.scheduledTime)
    feeds = manifest.feeds.values()
    return Record(
        export=manifest.export,
        kind=manifest.kind,
        connection=manifest.connection,
        application=applications.get(manifest.export, ""),
        run=manifest.run_id,
        flow_run_id=manifest.flowRunId,
        outcome="published",
        mode=manifest.mode,
        window=next((feed.window for feed in feeds if feed.window), ""),
        ended=due,
        recorded=due,
        files=manifest.files,
        records=manifest.records,
        rejected=sum(feed.rejected for feed in feeds),
        duplicates=sum(feed.duplicates for feed in feeds),
        bytes=manifest.bytes,
        manifest=address,
    )
