"""DAGs from declarations. Only the declarations are read; nothing is opened or connected."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from airflow.sdk import DAG, get_parsing_context

from sluice.airflow.alerts import Listeners, deadline
from sluice.airflow.broken import broken
from sluice.airflow.form import form
from sluice.airflow.names import PREFIX, dag_id
from sluice.airflow.operators.broken import BrokenDeclarationOperator
from sluice.airflow.operators.chunk import ChunkOperator
from sluice.airflow.operators.extract import ExtractOperator
from sluice.airflow.operators.finish import FinishOperator
from sluice.airflow.operators.follow_up import FollowUpOperator
from sluice.airflow.operators.publish import PublishOperator
from sluice.airflow.operators.upload import UploadOperator
from sluice.airflow.record import SYSTEM_REFRESH
from sluice.airflow.removed import removed
from sluice.airflow.rights import existing_roles, granted
from sluice.airflow.schedules import dag_schedule, export_asset, in_words
from sluice.airflow.sensors.refreshes import WaitForRefreshesSensor
from sluice.airflow.shards import WHOLE, Shard
from sluice.definition.declarations import Declarations
from sluice.definition.load import declaration_text, find, is_declared, load_chosen, place_of
from sluice.definition.models.export import Export
from sluice.definition.models.project import Project, Settings
from sluice.definition.settings import read_settings
from sluice.errors import DefinitionError, internal
from sluice.model.declared import is_name
from sluice.plan.build import refresh_dags

_LONGEST = 2000
"""The most characters of a DAG's title in Airflow's database."""


def export_dags(include: Path, only: str | None, shard: Shard = WHOLE) -> Iterator[DAG]:
    """A DAG for each export of the shard: valid, detached, broken or removed within the last day. If a task starts,
    only the DAG with the id `only`, whichever shard it is in: its file may have had another one when it was parsed."""
    if only is not None:
        yield from map(_with_former_tasks, _one(include, only))
        return
    chosen, roles = load_chosen(include, shard.has), existing_roles()
    project = chosen.project
    for name in chosen.names:
        if export := project.exports.get(name):
            shared_with = project.connections[export.connection].shared_with
            yield granted(_guarded(include, export, project, chosen.texts[name]), roles, shared_with)
        elif export := project.detached.get(name):
            yield granted(detached_dag(export, project.settings), roles)
        else:
            yield granted(broken_dag(name, chosen.broken[name], project.settings), roles)
    for name in filter(shard.has, removed(include, chosen.declared)):
        yield granted(removed_dag(name, project.settings), roles)


def _one(include: Path, wanted: str) -> Iterator[DAG]:
    """The one DAG of this id, if an export has it."""
    if not wanted.startswith(PREFIX):
        return
    name = wanted.removeprefix(PREFIX)
    if not is_name(name):
        yield from (dag for dag in export_dags(include, None) if dag.dag_id == wanted)
        return
    declared = Declarations(include)
    try:
        project, export = find(declared, name)
    except DefinitionError as error:
        settings = read_settings(include).settings
        yield broken_dag(name, [error], settings) if is_declared(include, name) else removed_dag(name, settings)
    else:
        if export.connection:
            yield _guarded(include, export, project, declaration_text(declared, name), starts=True)
        else:
            yield detached_dag(export, project.settings)


def _with_former_tasks(dag: DAG) -> DAG:
    """The DAG, with the tasks that it had when Airflow last parsed it. A run starts with the tasks of that moment, and
    one that its file no longer has would only be "not found": until the next parse, seconds after the edit."""
    if get_parsing_context().task_id in dag.task_dict:
        return dag
    first = dag.task_dict.get("broken_declaration")
    page = first.page if isinstance(first, BrokenDeclarationOperator) else ""
    if not first:
        BrokenDeclarationOperator(task_id="broken_declaration", page="", dag=dag)
    if not dag.has_task("follow_up") and page:
        BrokenDeclarationOperator(task_id="follow_up", page=page, dag=dag)
    elif not dag.has_task("follow_up"):
        FollowUpOperator(task_id="follow_up", retries=0, dag=dag)
    return dag


def _gone(name: str) -> DefinitionError:
    return DefinitionError(
        f"the declaration of export {name} was removed during this run: nothing is published",
        next_step="nothing, if the export should go; otherwise restore its file and clear this run",
    )


def _detached(name: str) -> DefinitionError:
    return DefinitionError(
        f"export {name} has no connection: nothing is published",
        next_step=f"choose a connection with `sluice attach {name} NAME`, then clear this run or start another",
    )


def _guarded(include: Path, export: Export, project: Project, text: str, *, starts: bool = False) -> DAG:
    """The export's DAG, or a broken one: an error in one export must not affect the others. If one of its tasks
    `starts`, the DAG has no form, inlets and outlets: Airflow would check them once more, at each start."""
    try:
        dag = export_dag(export, project, text)
        # Not an argument of the DAG: each task would get a copy of the form, and Airflow would check every copy, over
        # and over, whenever it parses. `tests/unit/airflow/dags/test_form.py` checks the fields instead.
        dag.params.update({} if starts else form(export))
        publish = dag.get_task("publish")
        if starts and isinstance(publish, PublishOperator):
            publish.drop_outlets()
        return dag
    except Exception as error:
        place = place_of(include, ("exports", export.name))
        return broken_dag(export.name, [internal(error, place)], project.settings)


def export_dag(export: Export, project: Project, text: str) -> DAG:
    """`wait_for_refreshes -> extract -> chunk -> upload[shard] -> publish`, the task `follow_up` if the export has a
    command, and a teardown."""
    dag = DAG(
        dag_id=dag_id(export.name),
        dag_display_name=_title(export),
        description=export.description or f"{export.kind} to {export.connection}",
        doc_md=_doc(export, text),
        **dag_schedule(export),
        catchup=False,
        max_active_runs=1,
        tags=sorted({"sluice", export.kind, export.connection, *export.tags}),
        default_args={
            "owner": export.owner,
            "retries": export.retries,
            "retry_delay": export.retry_delay,
            "retry_exponential_backoff": 2.0,
            "execution_timeout": project.time_limit(export),
        },
        **deadline(export),
    )
    with dag:
        _tasks(export, project)
    return dag


def _title(export: Export) -> str:
    """The title with the name, because users search Airflow's lists by name."""
    named = f" ({export.name})"
    return export.title[: _LONGEST - len(named)] + named if export.title else export.name


def _tasks(export: Export, project: Project) -> None:
    wait = WaitForRefreshesSensor(
        task_id="wait_for_refreshes",
        export=export,
        refreshes=list(refresh_dags(project, export)),
        staging=project.settings.staging,
        execution_timeout=None,  # `wait.timeout` has its own action when it is reached
    )
    extract = ExtractOperator(task_id="extract", export=export, project=project)
    chunk = ChunkOperator(task_id="chunk")
    upload = UploadOperator.partial(
        task_id="upload",
        map_index_template="{{ shard | default('') }}",  # Airflow renders it before the task has a name, too
        pool=project.connections[export.connection].pool or "default_pool",
    ).expand(shard=chunk.output)
    publish = PublishOperator(
        task_id="publish",
        export=export.name,
        asset=export_asset(export.name),
        # A run whose feeds are all empty has no shard to upload, and still publishes.
        trigger_rule="none_failed_min_one_success",
    )
    finish = FinishOperator(
        task_id="finish",
        asset=export_asset(export.name),
        listeners=Listeners.of(export, project.settings),
        execution_timeout=None,
    )
    _in_order(wait, extract, chunk, upload, publish, finish)
    if export.follow_up:
        # Nobody knows what a command has done that has failed: it is not retried. It has its own time limit.
        follow = FollowUpOperator(task_id="follow_up", retries=0, execution_timeout=None)
        publish >> follow >> finish
        extract >> follow


def _in_order(wait: Any, extract: Any, chunk: Any, upload: Any, publish: Any, finish: Any) -> None:
    # No task is a setup: clearing `upload` must not run `extract` again, which would pin other rows. The teardown
    # determines the run's state, because it is the only task that runs however a run ends.
    wait >> extract >> chunk >> upload >> publish >> finish.as_teardown(on_failure_fail_dagrun=True)
    extract >> [upload, publish, finish]  # they read what it has left
    chunk >> publish


def broken_dag(name: str, errors: Sequence[DefinitionError], settings: Settings) -> DAG:
    """The DAG of an export that cannot run: its page and its runs show the error."""
    # A broken export must be noticed: it fails after the next refresh.
    dag = broken(dag_id(name), name, errors, schedule=SYSTEM_REFRESH)
    with dag:
        _broken_tasks(dag.get_task("broken_declaration"), Listeners(name, settings.staging, settings.alerts))
    return dag


def removed_dag(name: str, settings: Settings) -> DAG:
    """The DAG of an export whose declaration is gone: a run that was in progress ends. It starts no run."""
    dag = broken(dag_id(name), name, [_gone(name)], schedule=None, state="was removed")
    with dag:
        _broken_tasks(dag.get_task("broken_declaration"), Listeners(name, settings.staging, settings.alerts))
    return dag


def detached_dag(export: Export, settings: Settings) -> DAG:
    """The DAG of an export without a connection: it keeps the history, and a run that was in progress ends. It has no
    schedule, and a run that is started by hand fails with the page."""
    name = export.name
    dag = broken(dag_id(name), _title(export), [_detached(name)], schedule=None, state="is detached")
    with dag:
        _broken_tasks(dag.get_task("broken_declaration"), Listeners.of(export, settings))
    return dag


def _broken_tasks(first: Any, listeners: Listeners) -> None:
    """The tasks of a valid export, after the one that fails with the error. A run that was in progress when its
    declaration broke, was detached or was removed finds its tasks here: the next one fails with the error, the last one
    cleans up."""
    wait, extract, chunk, publish = (
        BrokenDeclarationOperator(task_id=name, page=first.page)
        for name in ("wait_for_refreshes", "extract", "chunk", "publish")
    )
    upload = BrokenDeclarationOperator.partial(task_id="upload", page=first.page).expand(shard=chunk.output)
    asset = export_asset(listeners.name) if is_name(listeners.name) else None
    finish = FinishOperator(task_id="finish", asset=asset, listeners=listeners, retries=2)
    first >> wait
    _in_order(wait, extract, chunk, upload, publish, finish)


def _doc(export: Export, text: str) -> str:
    parts = [
        f"## {export.title or export.name}",
        export.description,
        f"{in_words(export)}.",
        f"```yaml\n{text.strip()}",
    ]
    return "\n\n".join(parts) + "\n```\n"
