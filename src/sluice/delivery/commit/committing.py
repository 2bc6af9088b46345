"""A `Commit` that uses a run's own staging and destination."""

from __future__ import annotations

import logging
import time
from collections.abc import Sequence
from contextlib import closing
from functools import partial
from uuid import uuid4

from sluice.definition.models.connection import Connection
from sluice.delivery.commit.commit import Commit, Intent
from sluice.delivery.commit.deliveries import Claim, Deliveries
from sluice.delivery.commit.run_log import RunLog
from sluice.delivery.commit.schema_1 import adopt
from sluice.delivery.commit.senders import Senders
from sluice.delivery.commit.triggers import put_missing, put_triggers, triggers_of
from sluice.delivery.hand_over.handing import hand_over
from sluice.delivery.staging import Stage, StagedRun, delivered_before
from sluice.destinations.base import Destination
from sluice.destinations.lookup import holds
from sluice.errors import FatalError, RetriableError, SluiceError, UnknownOutcomeError
from sluice.model.access import Connections
from sluice.model.manifest import Manifest
from sluice.plan.model import Plan

CHECKS = (0.0, 1.0, 3.0)
"""Seconds before each check for a manifest, after the response to its write was lost."""


def commit_of(
    plan: Plan, stage: Stage, destination: Destination, connections: Connections, *, pauses: Sequence[float] = ()
) -> Commit:
    """The commit protocol for the run. Creates the log of a run that schema 1 has staged."""
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
        announce=partial(_announce, plan, stage, destination, connections),
        stays=plan.connection.destination.stays,
        pauses=pauses,
    )


def deliveries_of(plan: Plan, connections: Connections) -> Deliveries:
    """The places of the export's deliveries."""
    folder = delivered_before(plan.staging, plan.export.name, connections).below("log")
    return Deliveries(folder, partial(_finish, plan, connections))


def _finish(plan: Plan, connections: Connections, before: Claim) -> None:
    """Publish the delivery before this one, if it is not. If that fails, only a run that delivers everything
    continues."""
    if not before.manifest:
        return  # adopted from Airflow's watermark: published before the log existed
    try:
        _finish_other(StagedRun.named(plan.staging, plan.export.name, before.run), connections, before, plan.connection)
    except (RetriableError, UnknownOutcomeError):
        raise
    except SluiceError as error:
        if plan.mode != "full":
            raise FatalError(
                f"the delivery before this one, of run {before.run_id}, is decided, but its manifest cannot be written:"
                f" {error.what}",
                next_step=f"{error.next_step}; or trigger a run with the mode `full`, which does not need it",
            ) from error
        logging.getLogger(__name__).warning(
            "the delivery of run %s is decided, but its manifest cannot be written: %s", before.run_id, error.what
        )


def _finish_other(staged: StagedRun, connections: Connections, before: Claim, now: Connection) -> None:
    """`now` is the connection as it is declared now: its hand-over may have been corrected since."""
    stage = staged.open(connections)
    if RunLog(stage.opened.below("log")).state().act != "publishing":
        return  # most often it is published
    plan = stage.find("plan", Plan)
    if plan is None:
        return  # published long ago: its staging was removed
    if plan.connection.name == now.name:
        plan = with_hand_over(plan, now)
    connection = plan.connection
    with closing(connection.destination.open(connections, name=connection.name, threads=4)) as destination:
        commit = commit_of(plan, stage, destination, connections)
        state = commit.log.state()
        if (state.act, state.opened) == ("publishing", before.opened):
            commit.finish(state)


def with_hand_over(plan: Plan, now: Connection) -> Plan:
    """The plan with the hand-over that its connection has now. It changes no byte of the delivery."""
    connection = plan.connection.model_copy(update={"hand_over": now.hand_over})
    return plan.model_copy(update={"connection": connection})


def _announce(plan: Plan, stage: Stage, destination: Destination, connections: Connections, intent: Intent) -> None:
    """Hand the files over, and write the trigger files that follow the manifest, unless the destination has them."""
    manifest = Manifest.model_validate_json(intent.manifest)
    hand_over(plan, manifest, destination, stage, connections)
    names = triggers_of(plan, manifest, before=False)
    put_missing(names, destination, stays=plan.connection.destination.stays)


def _put(plan: Plan, destination: Destination, intent: Intent) -> None:
    """Write the trigger files that precede the manifest, and the manifest, unless the destination has it.

    Raises `FatalError` if the destination refused it, `RetriableError` if it did not arrive, and `UnknownOutcomeError`
    if the response was lost and the destination cannot be asked. The next process writes the same bytes."""
    body, stays = intent.manifest.encode(), plan.connection.destination.stays
    if stays and holds(plan.manifest, body, destination):
        return
    put_triggers(triggers_of(plan, Manifest.model_validate_json(body), before=True), destination)
    try:
        destination.put(plan.manifest, [body])
    except RetriableError as lost:
        arrived = _arrived(plan.manifest, body, destination) if stays else None
        if arrived is None:
            raise UnknownOutcomeError(f"the response to the manifest's write was lost: {lost.what}") from lost
        if not arrived:
            raise


def _arrived(name: str, body: bytes, destination: Destination) -> bool | None:
    """Whether the manifest has arrived, after the response to its write was lost; None if it is unknown. Checks for a
    few seconds, because the server may still be writing."""
    answer: bool | None = None
    for pause in CHECKS:
        time.sleep(pause)
        try:
            answer = holds(name, body, destination)
        except RetriableError:
            answer = None
        if answer:
            return True
    return answer
