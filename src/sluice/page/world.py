"""What the API acts on: the declarations, the index of runs, the audit log, and Airflow. One per process."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from functools import cached_property
from pathlib import Path

from sluice.access.actor import Actor
from sluice.access.audit import Audit
from sluice.access.editor import Editor
from sluice.access.may import CATALOG, PROJECT, Subject, connection_of, export_on
from sluice.access.verbs import Kind
from sluice.airflow.connections import AirflowConnections
from sluice.airflow.names import PREFIX
from sluice.airflow.private import dag_states, failed_runs, unfinished_runs
from sluice.airflow.project import include_folder
from sluice.definition.declarations import Declarations
from sluice.definition.edit.opened import open_store
from sluice.definition.edit.store import Reader
from sluice.definition.edit.write import Draft, Outlook, check, outlook
from sluice.definition.memory import Memory
from sluice.definition.models.export import Export
from sluice.definition.models.project import Project, Settings
from sluice.definition.settings import read_settings
from sluice.errors import DefinitionError, FatalError
from sluice.model.access import Connections
from sluice.overview.kept import KeptRows
from sluice.overview.row import ExportRow, InAirflow
from sluice.page.fresh import Fresh
from sluice.page.kept import KeptDeclarations
from sluice.page.members import Members, members_of
from sluice.runs.index import Index
from sluice.runs.latest import Latest
from sluice.workbench.imports import Given, Outcome, import_files

FRESH = 2.0
"""Seconds for which the rows of all exports are reused."""
FRESH_MEMBERS = 5.0
RECENT = timedelta(days=7)
"""How far back runs are looked for that Airflow ended before they could report."""


class World:
    """The project that this API server shows."""

    def __init__(
        self,
        include: Path | None = None,
        connections: Connections | None = None,
        airflow: Callable[[], Mapping[str, InAirflow]] | None = None,
    ) -> None:
        """`connections` and `airflow` are those of this Airflow, unless others are given. `airflow` returns the state
        of each export's DAG."""
        self.include = include or include_folder()
        self.connections = connections or AirflowConnections()
        self._airflow = airflow or in_airflow
        self._memory = Memory()
        self.declared = KeptDeclarations(self.include, self._memory)
        self._rows = Fresh(FRESH, self._every_row)
        self._kept_rows = KeptRows()
        self._members = Fresh(FRESH_MEMBERS, self._every_segment)

    @property
    def settings(self) -> Settings:
        return read_settings(self.include).settings

    @property
    def store(self) -> Reader:
        """The declarations' texts, and drafts of changes. An `editor` writes them."""
        return open_store(self.include, self._memory)

    @property
    def project(self) -> Project:
        return self.declared.loaded.project

    @cached_property
    def audit(self) -> Audit:
        return Audit(self.settings.staging, self.connections)

    @cached_property
    def index(self) -> Index:
        return Index.of(self.settings.staging, self.connections)

    @cached_property
    def _latest(self) -> Latest:
        return Latest(self.index)

    def editor(self, actor: Actor) -> Editor:
        """The actor's way to change declarations."""
        return Editor(open_store(self.include, self._memory), actor, self.audit)

    def open(self) -> Declarations:
        """The declarations as they are now."""
        return Declarations(self.include, memory=self._memory)

    def outlook(self, drafts: Sequence[Draft]) -> Outlook:
        """What drafts would do if they were written."""
        return outlook(self.include, drafts, self._memory)

    def check(self, drafts: Sequence[Draft]) -> tuple[DefinitionError, ...]:
        """The new warnings that drafts would cause. Raises `DefinitionError` if they would cause an error."""
        return check(self.include, drafts, self._memory)

    def imported(self, given: Given) -> Outcome:
        """What files of Data Workbench become in this project. Nothing is written."""
        return import_files(given, self.include, memory=self._memory)

    def subject(self, kind: Kind, name: str) -> Subject:
        """What an actor acts on. An export or connection that is missing or invalid has no connections: only
        administrators act on it."""
        if kind in ("project", "catalog"):
            return PROJECT if kind == "project" else CATALOG
        project = self.declared.loaded.project
        if kind == "connection":
            connection = project.connections.get(name)
            return connection_of(connection) if connection else Subject("connection", name)
        export = project.exports.get(name)
        return export_on(name, project.connections.get(export.connection) if export else None)

    def export(self, name: str) -> Export:
        """A declared export. Raises `MissingError` if there is none, and an error if it cannot run."""
        loaded = self.declared.loaded
        if name in loaded.broken:
            raise loaded.broken[name][0].with_traceback(None)  # it is kept, and would keep every request
        if name not in loaded.project.exports:
            self.store.get("export", name)
            raise FatalError(f"{name} has no connection, so it does not run", next_step="choose a connection for it")
        return loaded.project.exports[name]

    def row(self, name: str) -> ExportRow:
        """One export's row. Raises `MissingError` if there is none of this name."""
        found = next((row for row in self.rows() if row.name == name), None)
        if found is None:
            self.store.get("export", name)
            self.changed()  # the file is new
            found = next((row for row in self.rows() if row.name == name), None)
        return found or ExportRow(name=name, status="broken")

    def rows(self) -> list[ExportRow]:
        """Every export, some seconds old, with the rights of a viewer."""
        return self._rows.get()

    def members(self) -> dict[str, Members]:
        """The counts of all segments that have been refreshed, some seconds old."""
        return self._members.get()

    def _every_segment(self) -> dict[str, Members]:
        return members_of(sorted(self.project.segments), self.settings.staging, self.connections)

    def changed(self) -> None:
        """Something was changed: the next answer shows it."""
        self.declared.look()
        self._rows.forget()

    def changed_runs(self) -> None:
        """A run was started or ended: the next answer shows it."""
        self._rows.forget()

    def _every_row(self) -> list[ExportRow]:
        self._latest.read()
        last, delivered = self._latest.last, self._latest.delivered
        return self._kept_rows.rows(self.declared.loaded, last, delivered, self._airflow(), datetime.now(UTC))


def in_airflow() -> dict[str, InAirflow]:
    """The state of each export's DAG, from Airflow's metadata database."""
    oldest: dict[str, tuple[str, str]] = {}
    for dag, run, state, _ in unfinished_runs(PREFIX):
        oldest.setdefault(dag, (run, state))
    failed = {dag: (run, at) for dag, run, at in failed_runs(PREFIX, datetime.now(UTC) - RECENT)}
    return {
        dag.removeprefix(PREFIX): InAirflow(paused, due, *oldest.get(dag, ("", "")), *failed.get(dag, ("", None)))  # type: ignore[arg-type]
        for dag, paused, due in dag_states(PREFIX)
    }
