"""What depends on what: refreshes, datasets, segments and exports, with the states of their last runs."""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from graphlib import CycleError, TopologicalSorter
from typing import Literal, NamedTuple

from pydantic import BaseModel

from sluice.airflow.names import PREFIX
from sluice.airflow.private import last_runs, tasks_of_run, waiting_tasks
from sluice.definition.models.catalog import SYSTEM_REFRESH, DagRefresh
from sluice.definition.models.project import Project
from sluice.page.members import Members
from sluice.page.progress import state_of
from sluice.page.world import World
from sluice.plan.build import refresh_dags, selected

Kind = Literal["refresh", "dataset", "segment", "export"]


class Node(BaseModel):
    """A refresh, a segment, a dataset or an export in the graph of dependencies."""

    id: str
    """`segment/high-value`."""
    kind: Kind
    name: str
    title: str = ""
    state: str = ""
    """Of an export as in the list of exports; of a refresh and a segment as of a task; empty for datasets."""
    state_says: str = ""
    started: datetime | None = None
    ended: datetime | None = None
    """Of its last run."""
    seconds: float | None = None
    members: int | None = None
    rank: int = 0
    """Its column in the graph: everything it depends on has a lower one."""


class Edge(BaseModel):
    """`to` depends on `source`."""

    source: str
    to: str


@dataclass(frozen=True)
class Graph:
    """Nodes in the order of their ranks."""

    nodes: list[Node]
    edges: list[Edge]


@dataclass
class Uses:
    """The exports that deliver each dataset and segment."""

    by: dict[str, set[str]] = field(default_factory=lambda: defaultdict(set))

    def exports(self, kind: Kind, name: str) -> list[str]:
        return sorted(self.by.get(f"{kind}/{name}", ()))


def uses(project: Project) -> Uses:
    """What each valid export delivers, or would deliver if it had a connection."""
    found = Uses()
    for export in (*project.exports.values(), *project.detached.values()):
        for dataset, segment in selected(project, export):
            found.by[f"dataset/{dataset.name}"].add(export.name)
            if segment:
                found.by[f"segment/{segment.name}"].add(export.name)
                found.by[f"dataset/{segment.dataset}"].add(export.name)
    return found


def refreshed_at(project: Project) -> dict[str, datetime | None]:
    """When each refresh last succeeded."""
    dags = {name: _dag(project, name) for name in [*project.refreshes, SYSTEM_REFRESH]}
    runs = last_runs(sorted(set(dags.values())), "success")
    return {name: runs[dag][3] for name, dag in dags.items() if dag in runs}


class Waiting(NamedTuple):
    """An export whose run waits."""

    export: str
    run: str
    waits_for: list[str]
    since: datetime | None


def waiting_exports() -> Iterator[Waiting]:
    """The runs that wait for refreshes."""
    for dag, run, started, kept in waiting_tasks(PREFIX, "wait_for_refreshes"):
        told = json.loads(kept) if kept else {}
        since = datetime.fromisoformat(told["since"]) if "since" in told else started
        yield Waiting(dag.removeprefix(PREFIX), run, [told["for"]] if "for" in told else [], since)


def graph_of(world: World) -> Graph:
    """Everything that is declared, and what it depends on."""
    project, edges = world.project, list(_edges(world.project))
    ranks = _ranks(edges)
    nodes = [*_refreshes(project), *_datasets(project), *_segments(project, world.members()), *_exports(world)]
    for node in nodes:
        node.rank = ranks.get(node.id, 0)
    known = {node.id for node in nodes}
    shown = [edge for edge in edges if edge.source in known and edge.to in known]
    return Graph(sorted(nodes, key=lambda node: (node.rank, node.id)), shown)


def _edges(project: Project) -> Iterator[Edge]:
    for refresh in project.refreshes.values():
        if isinstance(refresh, DagRefresh) and refresh.in_system_refresh:
            yield Edge(source=f"refresh/{refresh.name}", to=f"refresh/{_system(project)}")
    for dataset in project.datasets.values():
        if dataset.refreshed_by:
            yield Edge(source=f"refresh/{_named(project, dataset.refreshed_by)}", to=f"dataset/{dataset.name}")
    for segment in project.segments.values():
        yield Edge(source=f"refresh/{_named(project, segment.refreshed_by)}", to=f"segment/{segment.name}")
        for read in dict.fromkeys((segment.dataset, *segment.reads)):
            kind = "dataset" if read in project.datasets else "segment"
            yield Edge(source=f"{kind}/{read}", to=f"segment/{segment.name}")
    for export in (*project.exports.values(), *project.detached.values()):
        chosen = selected(project, export)
        feeds = [f"segment/{seg.name}" if seg else f"dataset/{data.name}" for data, seg in chosen]
        feeds += [f"dataset/{data.name}" for data, seg in chosen if seg and seg.dataset != data.name]  # contacts
        for feed in dict.fromkeys(feeds):
            yield Edge(source=feed, to=f"export/{export.name}")
        if not feeds or (
            SYSTEM_REFRESH in refresh_dags(project, export) and not any("segment/" in one for one in feeds)
        ):
            yield Edge(source=f"refresh/{_system(project)}", to=f"export/{export.name}")
        if export.when and export.when.after in project.exports:
            yield Edge(source=f"export/{export.when.after}", to=f"export/{export.name}")


def _ranks(edges: list[Edge]) -> dict[str, int]:
    """The length of the longest way to each node. Exports that follow each other in a circle count as independent."""
    before: dict[str, set[str]] = defaultdict(set)
    for edge in edges:
        before[edge.to].add(edge.source)
    try:
        ordered = list(TopologicalSorter(before).static_order())
    except CycleError:
        without = [edge for edge in edges if not (edge.source.startswith("export/") and edge.to.startswith("export/"))]
        return _ranks(without) if len(without) < len(edges) else {}
    ranks: dict[str, int] = {}
    for name in ordered:
        ranks[name] = max((ranks[one] + 1 for one in before.get(name, ())), default=0)
    return ranks


def _refreshes(project: Project) -> Iterator[Node]:
    names = dict.fromkeys([_system(project), *project.refreshes])
    runs = last_runs(sorted({_dag(project, name) for name in names}))
    for name in names:
        run = runs.get(_dag(project, name))
        node = Node(id=f"refresh/{name}", kind="refresh", name=name, state="not started")
        yield _with_times(node, *run[1:]) if run else node


def _datasets(project: Project) -> Iterator[Node]:
    refreshed = refreshed_at(project)
    for one in project.datasets.values():
        yield Node(id=f"dataset/{one.name}", kind="dataset", name=one.name, ended=refreshed.get(one.refreshed_by or ""))


def _segments(project: Project, members: Mapping[str, Members]) -> Iterator[Node]:
    run = last_runs([SYSTEM_REFRESH]).get(SYSTEM_REFRESH)
    tasks = tasks_of_run(SYSTEM_REFRESH, run[0]) if run else {}
    for name in project.segments:
        counted, task = members.get(name), tasks.get(f"segment__{name}")
        node = Node(id=f"segment/{name}", kind="segment", name=name, state="not started")
        node.members, node.ended = (counted.records, counted.refreshed) if counted else (None, None)
        yield _with_times(node, *task) if task else node


def _exports(world: World) -> Iterator[Node]:
    for row in world.rows():
        yield Node(
            id=f"export/{row.name}",
            kind="export",
            name=row.name,
            title=row.title,
            state=row.status,
            state_says=row.why.partition("\n")[0],
            ended=row.refreshed,
        )


def _with_times(node: Node, state: str, started: datetime | None, ended: datetime | None) -> Node:
    node.state, node.started, node.ended = state_of(state), started, ended or node.ended
    if started:
        node.seconds = ((ended or datetime.now(UTC)) - started).total_seconds()
    return node


def _system(project: Project) -> str:
    """The name of the system refresh: it exists without a declaration too."""
    return next((one.name for one in project.refreshes.values() if not isinstance(one, DagRefresh)), SYSTEM_REFRESH)


def _named(project: Project, refresh: str) -> str:
    return refresh if refresh in project.refreshes else _system(project)


def _dag(project: Project, refresh: str) -> str:
    declared = project.refreshes.get(refresh)
    return declared.dag_id if isinstance(declared, DagRefresh) else SYSTEM_REFRESH
