"""The rows that a segment reads, pinned by the worker for a cluster."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from sluice.definition.models.project import Project
from sluice.errors import DefinitionError, FatalError, about
from sluice.filesystem import open_filesystem
from sluice.model.access import Connections
from sluice.refresh.membership import Membership, members, read_keys
from sluice.refresh.spark.addresses import address_of
from sluice.refresh.spark.tables import Files, Sent, Table
from sluice.sources.base import InFiles, Source
from sluice.sources.parquet import ParquetSource


class Lake:
    """The pinned files of some datasets, and the members of segments. Raises `DefinitionError` if a cluster cannot read
    them where they are, and `FatalError` if they would have to be copied."""

    def __init__(self, tables: Sequence[str], project: Project, connections: Connections) -> None:
        self._project, self._connections = project, connections
        self._sources: dict[str, Source] = {}
        self.datasets = {name: self._dataset(name) for name in tables if name in project.datasets}
        self._segments = [name for name in tables if name in project.segments]

    def members(self, *, seen: bool) -> Mapping[str, Table]:
        """The members of the other segments that the segment reads: in their files, if the cluster sees staging."""
        return self.staged() if seen else {name: self._sent(name) for name in self._segments}

    def staged(self) -> Mapping[str, Files]:
        """The members of the other segments, in their files."""
        return {name: self._in_staging(name) for name in self._segments}

    def refuse_changed(self) -> None:
        """Raise `FatalError` if pinned files were overwritten or removed."""
        for name, source in self._sources.items():
            if not source.intact(self.datasets[name].pinned):
                with about("datasets", name):
                    raise FatalError(
                        f"dataset {name}: its files were overwritten or removed while Spark read them",
                        next_step="clear the task, so that it reads the current files",
                    )

    def _dataset(self, name: str) -> Files:
        with about("datasets", name):
            source = self._project.datasets[name].source.open(self._connections, dataset=name)
            self._sources[name] = source
            return self._files(name, source)

    def _files(self, name: str, source: Source) -> Files:
        pinned = source.pin()
        if not isinstance(source, InFiles):
            raise DefinitionError(f"dataset {name}: its source does not say where its files are")
        placed = source.placed(pinned)
        access = self._connections.get(placed.opened.conn_id)
        base = address_of(access, placed.opened, placed.below)
        if base is None:
            raise DefinitionError(
                f"dataset {name}: Spark has no filesystem for connection {placed.opened.conn_id}",
                known=["fs (a folder that the cluster mounts)", "aws", "google_cloud_platform", "wasb", "adls"],
                next_step="declare `engine: duckdb`",
            )
        files = (address_of(access, placed.opened, unit) for unit in pinned.units)
        return Files(name, pinned, placed, base, tuple(filter(None, files)))

    def _in_staging(self, name: str) -> Files:
        staging = self._project.settings.staging
        with about("segments", name):
            folder, _, file = self._membership(name).path.rpartition("/")
            path = f"{staging.path}/{folder}"
            opened = open_filesystem(self._connections, staging.airflow_conn_id, path, read_only=True)
            return self._files(name, ParquetSource(opened, file, {}, dataset=name))

    def _sent(self, name: str) -> Sent:
        import pyarrow as pa

        staging = self._project.settings.staging
        with about("segments", name):
            membership = self._membership(name)
            return Sent(name, pa.table({membership.key: read_keys(membership, staging, self._connections)}))

    def _membership(self, name: str) -> Membership:
        segment, staging = self._project.segments[name], self._project.settings.staging
        return members(segment, self._project.datasets[segment.dataset], staging, self._connections)
