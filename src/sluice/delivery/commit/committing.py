"""One process's part in deciding about a run, with the run's own staging and destination behind it."""

from __future__ import annotations

import logging
import time
from collections.abc import Sequence
from contextlib import closing
from functools import partial
from uuid import uuid4

from sluice.delivery.commit.commit import Commit, Intent
from sluice.delivery.commit.deliveries import Claim, Deliveries
from sluice.delivery.commit.run_log import RunLog
from sluice.delivery.commit.schema_1 import adopt
from sluice.delivery.commit.senders import Senders
from sluice.delivery.staging import Stage, StagedRun, delivered_before
from sluice.destinations.base import Destination
from sluice.destinations.lookup import holds
from sluice.errors import FatalError, RetriableError, SluiceError, UnknownOutcomeError
from sluice.model.access import Connections
from sluice.plan.model import Plan

LOOKS = (0.0, 1.0, 3.0)
"""Seconds before each look for a manifest whose write was not answered."""


def commit_of(
    plan: Plan, stage: Stage, destination: Destination, connections: Connections, *, pauses: Sequence[float] = ()
) -> Commit:
    """What this process may decide about the run. A run that the version before has staged gets its log first."""
    log = RunLog(stage.opened.below("log"))
    adopt(plan, stage, destination, log)
    return Commit(
        log=log,
        senders=Senders(stage.opened.below("sending")),
        deliveries=deliveries_of(plan, connections),
        token=uuid4().hex,
        stage=stage.write,
        staged=lambda name: stage.read(name, Intent),
        write=partial(_put, plan, destination),
        stays=plan.connection.destination.stays,
        pauses=pauses,
    )


def deliveries_of(plan: Plan, connections: Connections) -> Deliveries:
    """The places of the export's deliveries."""
    folder = delivered_before(plan.staging, plan.export.name, connections).below("log")
    return Deliveries(folder, partial(_finish, plan, connections))


def _finish(plan: Plan, connections: Connections, before: Claim) -> None:
    """Publish the delivery before this one if that is not done. A run that delivers everything goes on without it."""
    if not before.manifest:
        return  # published by another account
    try:
        _finish_other(StagedRun.named(plan.staging, plan.export.name, before.run), connections, before)
    except (RetriableError, UnknownOutcomeError):
        raise
    except SluiceError as error:
        if plan.mode != "full":
            raise FatalError(
                f"the delivery before this one, of run {before.run_id}, is decided and its manifest cannot be written:"
                f" {error.what}",
                next_step=f"{error.next_step}; or trigger a run with the mode `full`, which goes on without it",
            ) from error
        logging.getLogger(__name__).warning(
            "the delivery of run %s is decided and its manifest cannot be written: %s", before.run_id, error.what
        )


def _finish_other(staged: StagedRun, connections: Connections, before: Claim) -> None:
    stage = staged.open(connections)
    plan = stage.find("plan", Plan)
    if plan is None:
        return  # what is published and long past is not staged any more
    connection = plan.connection
    with closing(connection.destination.open(connections, name=connection.name, threads=4)) as destination:
        commit = commit_of(plan, stage, destination, connections)
        state = commit.log.state()
        if (state.act, state.opened) == ("publishing", before.opened):
            commit.finish(state)


def _put(plan: Plan, destination: Destination, intent: Intent) -> None:
    """Write the manifest, unless it is there as it should be.

    Raises `FatalError` if it was not written, `RetriableError` if it is not there, and `UnknownOutcomeError` if its
    write was lost on the way and the destination cannot be asked: the next process writes the same bytes."""
    body, stays = intent.manifest.encode(), plan.connection.destination.stays
    if stays and holds(plan.manifest, body, destination):
        return
    try:
        destination.put(plan.manifest, [body])
    except RetriableError as lost:
        arrived = _arrived(plan.manifest, body, destination) if stays else None
        if arrived is None:
            raise UnknownOutcomeError(f"the manifest's write was not answered: {lost.what}") from lost
        if not arrived:
            raise


def _arrived(name: str, body: bytes, destination: Destination) -> bool | None:
    """Whether the manifest is there as written, after its answer was lost; None if nobody can say. Looked up for a
    few seconds: a server may still be at it."""
    answer: bool | None = None
    for pause in LOOKS:
        time.sleep(pause)
        try:
            answer = holds(name, body, destination)
        except RetriableError:
            answer = None
        if answer:
            return True
    return answer
