"""The note that a task leaves about its worker in staging, for `sluice doctor`."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

from sluice.airflow.private import hostname
from sluice.definition.models.project import Staging
from sluice.errors import SluiceError
from sluice.foreign import said

if TYPE_CHECKING:
    from sluice.doctor.workers import Timeouts
    from sluice.model.access import Connections

log = logging.getLogger(__name__)


def note_worker(staging: Staging, task: str, connections: Connections) -> None:
    """Note the versions, the memory, the disk and the settings of this worker, and warn if its clock is wrong. A
    failure is only logged: the task itself meets it next, and says what to do."""
    from sluice.doctor.clocks import check_clocks, worker_clocks
    from sluice.doctor.workers import Workers, this_worker

    try:
        noted = Workers.of(staging, connections).note(this_worker(hostname(), task, timeouts()))
        for check in check_clocks(worker_clocks([noted])) if noted else ():
            if check.state != "ok":
                log.warning("%s\n  next: %s", check.what, check.next_step)
    except Exception as failed:
        what = failed.what if isinstance(failed, SluiceError) else said(failed)
        log.warning("this worker left no note for `sluice doctor` in staging: %s", what)


def forget_workers(staging: Staging, connections: Connections) -> None:
    """Remove the notes of workers that have not been seen for long. A failure is only logged."""
    from datetime import UTC, datetime

    from sluice.doctor.workers import Workers

    try:
        Workers.of(staging, connections).forget(datetime.now(UTC))
    except SluiceError as failed:
        log.warning("notes of old workers were not removed; tomorrow's first run tries again: %s", failed.what)


def timeouts() -> Timeouts:
    """The settings of Airflow in this process that exports depend on."""
    from sluice.doctor.workers import Timeouts

    executor = _text("core", "executor").split(",")[0].rpartition(".")[2].rpartition(":")[2]
    return Timeouts(
        executor=executor,
        at_once=_at_once(executor),
        dagbag_import_timeout=_number("core", "dagbag_import_timeout"),
        dag_file_processor_timeout=_number("dag_processor", "dag_file_processor_timeout"),
        task_instance_heartbeat_timeout=_number("scheduler", "task_instance_heartbeat_timeout"),
        max_map_length=_whole("core", "max_map_length"),
        visibility_timeout=_number("celery_broker_transport_options", "visibility_timeout"),
    )


def _at_once(executor: str) -> int | None:
    if "Celery" in executor:
        return _whole("celery", "worker_concurrency")
    return 1 if "Kubernetes" in executor else _whole("core", "parallelism")


def _text(section: str, key: str) -> str:
    from airflow.sdk import conf

    return str(conf.get(section, key, fallback="") or "")


def _number(section: str, key: str) -> float | None:
    """A setting; None if it is not set, or is not a number, which Airflow itself reports."""
    try:
        return float(_text(section, key))
    except ValueError:
        return None


def _whole(section: str, key: str) -> int | None:
    found = _number(section, key)
    return None if found is None else int(found)
