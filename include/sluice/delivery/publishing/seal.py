"""Seal: the manifest's write, the one act that makes a delivery visible, and what is known of it afterwards."""

from __future__ import annotations

import time

from sluice.delivery.cleaning.hold import Hold
from sluice.delivery.publishing.manifest import Manifest, render
from sluice.delivery.staging import Stage
from sluice.destinations.base import Destination
from sluice.errors import FatalError, RetriableError, UnknownOutcomeError
from sluice.plan.model import Plan

LOOKS = (0.0, 1.0, 3.0)
"""Seconds before each look for a manifest whose write was not answered."""


def seal(plan: Plan, manifest: Manifest, stage: Stage, destination: Destination, hold: Hold) -> None:
    """Write the manifest, and stage a copy. Afterwards it is there; or an error says what is known.

    Raises `RetriableError` and `FatalError` where it is not there, and `UnknownOutcomeError` where its write was lost
    on the way and the destination cannot be asked: another try looks first, and writes the same bytes again.
    """
    body, stays = render(manifest), plan.connection.destination.stays
    if not stays:
        # `abort` cannot look for it where files are taken away as they arrive.
        stage.write("manifest", manifest)
    if not (stays and hold.in_doubt and _is(plan.manifest, body, destination)):
        hold.seal()
        _write(plan.manifest, body, destination, hold, stays=stays)
    if not hold.stand():
        destination.remove([plan.manifest])
        hold.release()
        raise FatalError(
            "this run was aborted while its manifest was written; the manifest is taken back: nothing is published",
            next_step="to deliver after all, clear the run from `extract` on",
        )
    stage.write("manifest", manifest)


def _write(name: str, body: bytes, destination: Destination, hold: Hold, *, stays: bool) -> None:
    try:
        destination.put(name, [body])
    except FatalError:
        hold.release()
        raise
    except RetriableError as lost:
        arrived = _arrived(name, body, destination) if stays else None
        if arrived is None:
            raise UnknownOutcomeError(f"the manifest's write was not answered: {lost.what}") from lost
        if not arrived:
            raise


def _arrived(name: str, body: bytes, destination: Destination) -> bool | None:
    """Whether the manifest is there as written, after its answer was lost; None where nobody can say. Looked up for a
    few seconds: a server may still be at it."""
    answer: bool | None = None
    for pause in LOOKS:
        time.sleep(pause)
        try:
            answer = _is(name, body, destination)
        except RetriableError:
            answer = None
        if answer:
            return True
    return answer


def _is(name: str, body: bytes, destination: Destination) -> bool:
    return destination.stat(name) is not None and b"".join(destination.read(name)) == body
