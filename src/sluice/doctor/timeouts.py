"""Airflow's timeouts and limits, compared with what the exports need."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from sluice.definition.models.export import Export
from sluice.definition.models.project import Project
from sluice.doctor.check import Check, error, ok, warning
from sluice.doctor.workers import Timeouts

NAME = "timeouts"
HEARTBEAT = 60.0
"""The least seconds after which Airflow should give up a task: swapping or a snapshot of its machine takes as long."""
LONG = 6 * 3600.0
"""The longest upload without a `time_limit` that is expected."""


def check_timeouts(settings: Timeouts, parse: float | None, project: Project) -> Iterator[Check]:
    """The settings that are too low. `parse` is the number of seconds that the exports' DAG file took last time."""
    found = [
        *_parsing(settings, parse),
        *_heartbeats(settings),
        *_mapping(settings, project.exports),
        *_broker(settings, project),
    ]
    yield from found
    if not found:
        took = f"; the exports' DAG file takes {parse:.1f} s" if parse is not None else ""
        yield ok(NAME, f"{settings.executor or 'Airflow'}: long enough{took}")


def _parsing(settings: Timeouts, parse: float | None) -> Iterator[Check]:
    imports, process = settings.dagbag_import_timeout, settings.dag_file_processor_timeout
    if parse is not None and imports is not None and imports < 2 * parse:
        finding = error if imports < parse else warning
        yield finding(
            NAME,
            f"the exports' DAG file takes {parse:.1f} s to parse, and [core] dagbag_import_timeout is {imports:.0f} s:"
            " above it, every export disappears",
            f"set AIRFLOW__CORE__DAGBAG_IMPORT_TIMEOUT={_rounded(parse)}",
        )
    if imports is not None and process is not None and process <= imports:
        yield warning(
            NAME,
            f"[dag_processor] dag_file_processor_timeout ({process:.0f} s) is not above [core] dagbag_import_timeout"
            f" ({imports:.0f} s): the process is killed before it can say why",
            f"set AIRFLOW__DAG_PROCESSOR__DAG_FILE_PROCESSOR_TIMEOUT={imports + 60:.0f}",
        )


def _heartbeats(settings: Timeouts) -> Iterator[Check]:
    timeout = settings.task_instance_heartbeat_timeout
    if timeout is not None and timeout < HEARTBEAT:
        yield warning(
            NAME,
            f"[scheduler] task_instance_heartbeat_timeout is {timeout:.0f} s: a task whose machine pauses as long"
            " counts as dead and is started again. Nothing is delivered twice, but much is sent twice",
            "set AIRFLOW__SCHEDULER__TASK_INSTANCE_HEARTBEAT_TIMEOUT=300",
        )


def _mapping(settings: Timeouts, exports: Mapping[str, Export]) -> Iterator[Check]:
    most = settings.max_map_length
    for export in exports.values():
        shards = export.chunks.shards * _feeds(export)
        if most is not None and shards > most:
            yield error(
                NAME,
                f"export {export.name} may have {shards:,} shards, and [core] max_map_length is {most:,}: its task"
                " `chunk` would fail",
                f"lower `chunks.shards` in exports/{export.name}.yaml, or set AIRFLOW__CORE__MAX_MAP_LENGTH={shards}",
            )


def _feeds(export: Export) -> int:
    return next(
        len(feeds) for key in ("segments", "entities", "datasets") if (feeds := getattr(export, key, None)) is not None
    )


def _broker(settings: Timeouts, project: Project) -> Iterator[Check]:
    visible = settings.visibility_timeout
    if "Celery" not in settings.executor or visible is None:
        return
    limits = map(project.time_limit, project.exports.values())
    longest = max((limit.total_seconds() if limit else LONG for limit in limits), default=0.0)
    if visible < longest:
        yield warning(
            NAME,
            f"[celery_broker_transport_options] visibility_timeout is {visible:.0f} s, and a task of an export may take"
            f" {longest:.0f} s: the broker then gives it to a second worker",
            f"set AIRFLOW__CELERY_BROKER_TRANSPORT_OPTIONS__VISIBILITY_TIMEOUT={longest * 2:.0f}",
        )


def _rounded(parse: float) -> int:
    """Four times as long, in tens of seconds."""
    return max(30, -(-int(4 * parse) // 10) * 10)
