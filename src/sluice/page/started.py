"""Runs that the page starts and ends. Each is checked first, and recorded in the audit log."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import Any, TypeVar

from sluice.access.actor import Actor
from sluice.access.editor import perform
from sluice.access.may import require
from sluice.airflow.rest import Rest
from sluice.airflow.runs import Run
from sluice.airflow.starting import check_ready, start
from sluice.errors import SluiceError
from sluice.page.bulk import Done, skipped
from sluice.page.world import World
from sluice.plan.requested import plan_of

T = TypeVar("T")


def run_each(world: World, actor: Actor, rest: Rest, names: Iterable[str], conf: Mapping[str, Any]) -> Done:
    """Start a run of each export. All are checked before the first one starts; those that cannot start are left out,
    with the reason."""
    done, ready = Done(done=[]), list[str]()
    for name in dict.fromkeys(names):
        with _leaving_out(done, name):
            check(world, actor, rest, name, conf)
            ready.append(name)
    for name in ready:
        with _leaving_out(done, name):
            done.runs[name] = _begin(world, actor, rest, name, conf)
            done.done.append(name)
    return done


def check(world: World, actor: Actor, rest: Rest, name: str, conf: Mapping[str, Any]) -> None:
    """Raise the error that a run of the export would end with, as far as it is known now."""
    require(actor, "run-export", world.subject("export", name))
    plan_of(world.project, world.export(name), conf, "manual", datetime.now(UTC))
    check_ready(rest, [name])


def run_now(world: World, actor: Actor, rest: Rest, name: str) -> str:
    """Start a run of one export: of one that was just saved too, because tasks read its declaration when they start.
    Returns its id. Raises an error if Airflow does not know its DAG yet."""
    check(world, actor, rest, name, {})
    return _begin(world, actor, rest, name, {})


def _begin(world: World, actor: Actor, rest: Rest, name: str, conf: Mapping[str, Any]) -> str:
    """Start a run of an export that was checked."""
    note = f"started by {actor.name} on the Exports page"
    return acted(world, actor, "run-export", name, lambda: start(rest, name, conf, note).run_id)


def acted(world: World, actor: Actor, verb: str, name: str, action: Callable[[], T]) -> T:
    """Do something with an export's runs for an actor, and record it."""
    result = perform(actor, verb, [world.subject("export", name)], action, world.audit)
    world.changed_runs()
    return result


def one(world: World, actor: Actor, verb: str, name: str, action: Callable[[], Run]) -> Done:
    """Start a run of one export for an actor, and record it."""
    run = acted(world, actor, verb, name, action)
    return Done(done=[name], runs={name: run.run_id})


@contextmanager
def _leaving_out(done: Done, name: str) -> Iterator[None]:
    try:
        yield
    except SluiceError as error:
        error.again = "command"
        done.skipped.append(skipped(name, error))
