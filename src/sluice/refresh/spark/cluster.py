"""A segment on a Spark cluster: the tables that it reads there, and its members' keys."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import chain
from typing import TYPE_CHECKING

from sluice.definition.models.catalog import Segment, Spark
from sluice.definition.models.project import Project
from sluice.errors import about
from sluice.filesystem import Opened
from sluice.model.access import Connections, SparkSubmitAccess
from sluice.refresh.keys import Keys
from sluice.refresh.spark.allowed import refuse_spark, refusing
from sluice.refresh.spark.lake import Lake
from sluice.refresh.spark.session import access_of, reporting, session
from sluice.refresh.spark.spelling import Spark as Spelling
from sluice.refresh.spark.staged import Staged, streamed
from sluice.refresh.spark.submit.submitted import Submitted
from sluice.refresh.spark.tables import Table
from sluice.sql.translation.dialect import translate
from sluice.sql.translation.relation import Relation

if TYPE_CHECKING:
    from pyspark.sql import SparkSession


@dataclass(frozen=True)
class Cluster:
    """A segment's query in a session of a cluster."""

    query: str
    relations: Mapping[str, Relation]
    session: SparkSession
    conn_id: str
    staged: Staged

    @property
    def engine(self) -> str:
        return f"Spark {self.session.version}"

    def keys(self) -> Keys:
        """The distinct keys: by way of staging if the cluster sees it, otherwise over Spark Connect."""
        with reporting(self.conn_id, "evaluating the segment"):
            frame = self.session.sql(self.query).distinct()
            shape = frame.limit(0).toArrow()
        if self.staged.seen:
            tables, moved = self.staged.written(frame, self.conn_id), "the cluster wrote its keys to staging"
        else:
            tables, moved = (
                streamed(frame, self.conn_id),
                "its keys came over Spark Connect, as it does not see staging",
            )
        return Keys(chain([shape], (table.cast(shape.schema) for table in tables)), moved)


@contextmanager
def on_cluster(
    segment: Segment, rule: str, tables: Sequence[str], project: Project, connections: Connections, folder: Opened
) -> Iterator[Cluster | Submitted]:
    """The segment, ready to be evaluated by its cluster, which may write below `folder` of staging. Raises
    `DefinitionError` if it cannot be evaluated there, and `FatalError` on exit if its data has changed meanwhile."""
    assert isinstance(segment.engine, Spark)  # noqa: S101 - the caller has asked
    conn_id = segment.engine.airflow_conn_id
    with about("segments", segment.name, "engine"):
        access = access_of(conn_id, connections)
    refuse_spark(segment, rule, tables, project)
    lake = Lake(tables, project, connections)
    staging, tag = connections.get(folder.conn_id), f"sluice segment {segment.name}"
    if isinstance(access, SparkSubmitAccess):
        files = {**lake.datasets, **lake.staged()}
        yield Submitted(_query(segment, rule, files), files, access, conn_id, tag, folder, staging)
    else:
        with session(access, conn_id, tag) as spark:
            staged = Staged(folder, staging, spark)
            read = {**lake.datasets, **lake.members(seen=staged.seen)}
            query = _query(segment, rule, read)
            for table in read.values():
                table.open(spark, conn_id)
            yield Cluster(query, {name: table.relation for name, table in read.items()}, spark, conn_id, staged)
    lake.refuse_changed()


def _query(segment: Segment, rule: str, read: Mapping[str, Table]) -> str:
    with refusing(segment):
        return translate(rule, {name: table.relation for name, table in read.items()}, Spelling())
