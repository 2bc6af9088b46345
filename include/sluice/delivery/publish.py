"""Publish: prove that everything is there, then write the manifest. The only step that makes a delivery visible."""

from __future__ import annotations

from contextlib import closing
from datetime import datetime
from functools import partial

from sluice.delivery.cleaning.hold import Hold
from sluice.delivery.cleaning.leftovers import leftovers, present_of
from sluice.delivery.publishing import model_json
from sluice.delivery.publishing.delivered import Delivery, report_of
from sluice.delivery.publishing.history import History
from sluice.delivery.publishing.reconcile import reconcile
from sluice.delivery.publishing.report import Report
from sluice.delivery.publishing.seal import seal
from sluice.delivery.since.turn import Turn
from sluice.delivery.since.watermark import Watermarks
from sluice.delivery.staging import Stage, StagedRun
from sluice.delivery.step import noting
from sluice.destinations.base import Destination
from sluice.errors import FatalError, UnknownOutcomeError
from sluice.model.access import Connections
from sluice.plan.model import Plan


def publish(staged: StagedRun, connections: Connections, watermarks: Watermarks, now: datetime) -> Report:
    """Reconcile rows and bytes (counted in the source = written = at the destination), write the manifest, then move
    the watermark of an incremental export. What came of it is kept as the run's report.

    Raises `FatalError` where they differ, saying what does, or where another has taken this run's place: it is
    *refused*. Raises `UnknownOutcomeError` where the manifest's own write was lost on the way and cannot be looked up:
    the outcome is *unknown*, and the next try looks again.
    """
    stage = staged.open(connections)
    plan = stage.read("plan", Plan)
    delivery = Delivery.of(plan, stage)
    history = History(plan.staging, plan.export.name, connections)
    connection = plan.connection
    with closing(connection.destination.open(connections, name=connection.name, threads=4)) as destination:
        report = partial(report_of, plan, stage, delivery, address=destination.locate(plan.manifest), now=now)
        try:
            with noting(stage, "publish"):
                _publish(delivery, stage, destination, partial(Turn, plan, stage, connections, watermarks), now)
        except FatalError as refused:
            history.keep(report("refused", why=refused.what))
            raise
        except UnknownOutcomeError as unknown:
            history.keep(report("unknown", why=unknown.what))
            raise
    published = report("published")
    history.keep(published)
    return published


def _publish(delivery: Delivery, stage: Stage, destination: Destination, begin: partial[Turn], now: datetime) -> None:
    plan, hold = delivery.plan, Hold(stage, "publish")
    reconcile(delivery, destination)
    turn = begin(destination)
    turn.announce({one.feed.name: one.extract.position for one in delivery.feeds if one.extract.position}, now)
    manifest = delivery.manifest(turn.previous)
    put_beside(delivery, destination)
    turn.confirm()
    seal(plan, manifest, stage, destination, hold)
    turn.stand()
    if plan.export.manifest.success_marker:
        destination.put(plan.beside_manifest("_SUCCESS"), [])
    destination.remove(present_of(set(leftovers(stage)) - {part.path for part in manifest.exportResults}, destination))
    turn.end()


def put_beside(delivery: Delivery, destination: Destination) -> None:
    """What goes with a delivery of this kind: the schema of whole entities."""
    plan = delivery.plan
    if plan.export.kind == "data-out-export":
        feeds = ((one.feed.name, one.extract.pinned.schema, one.parts) for one in delivery.feeds)
        destination.put(plan.beside_manifest("model.json"), [model_json.render(plan.export.name, feeds)])
