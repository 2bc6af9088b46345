"""Publish: verify that everything has arrived, then write the manifest. Only this step makes a delivery visible."""

from __future__ import annotations

import logging
from contextlib import closing
from dataclasses import dataclass
from datetime import datetime
from functools import partial

from sluice.delivery.cleaning.leftovers import leftovers
from sluice.delivery.commit.commit import Commit, Intent, LostError
from sluice.delivery.commit.committing import commit_of
from sluice.delivery.commit.deliveries import Claim
from sluice.delivery.commit.names import Names
from sluice.delivery.commit.schema_1 import recall
from sluice.delivery.commit.triggers import triggers_of
from sluice.delivery.commit.watermark import SMALL, Basis, Watermark, Watermarks
from sluice.delivery.export_log import log_delivery, log_of
from sluice.delivery.guarding import guard_delivery
from sluice.delivery.publish import mapping_json, model_json
from sluice.delivery.publish.delivered import Delivery, report_of
from sluice.delivery.publish.reconcile import reconcile
from sluice.delivery.report.history import History
from sluice.delivery.report.report import Outcome, Report
from sluice.delivery.report.schemas import Schemas, columns_of
from sluice.delivery.rows.opened import mapper_of
from sluice.delivery.safety import warnings_of
from sluice.delivery.staging import Stage, StagedRun, delivered_before
from sluice.delivery.step import Step, noting
from sluice.delivery.subjects.record import record
from sluice.delivery.taking import take_names
from sluice.destinations.base import Destination
from sluice.destinations.lookup import find
from sluice.errors import FatalError, HeldError, SluiceError, UnknownOutcomeError
from sluice.model.access import Connections
from sluice.model.manifest import Manifest, render
from sluice.plan.model import Plan

log = logging.getLogger(__name__)


def publish(staged: StagedRun, connections: Connections, watermarks: Watermarks, now: datetime) -> Report:
    """Reconcile rows and bytes (counted in the source = written = at the destination), record the decision to publish,
    and write the manifest. The result is also stored as the run's report.

    Raises `FatalError` if rows or bytes differ, if a guardrail refuses the delivery, or if another run was faster; the
    outcome is *failed*, or *held* if a guardrail holds it. Raises
    `UnknownOutcomeError` if the response to the manifest's write was lost and the destination cannot be asked, and
    `FatalError` if the destination refused it; the outcome is *unknown*, and the next process continues.
    """
    stage = staged.open(connections)
    plan = stage.read("plan", Plan)
    history = History(plan.staging, plan.export.name, connections)
    delivery = Delivery.of(plan, stage)
    connection = plan.connection
    with closing(connection.destination.open(connections, name=connection.name, threads=4)) as destination:
        report = partial(report_of, plan, stage, delivery, address=destination.locate(plan.manifest), now=now)
        commit = commit_of(plan, stage, destination, connections)
        try:
            with noting(stage, "publish") as step:
                step.warn_all(warnings_of([plan.connection.destination.airflow_conn_id], connections))
                Publication(plan, stage, destination, connections, watermarks, commit, now, step).run()
        except FatalError as refused:
            act = commit.log.state().act
            if act != "published":  # by another process, or before: its report stays
                # If the run is decided, only its manifest was not accepted.
                undecided: Outcome = "held" if isinstance(refused, HeldError) else "failed"
                history.keep(report("unknown" if act == "publishing" else undecided, why=refused.what))
            raise
        except UnknownOutcomeError as unknown:
            history.keep(report("unknown", why=unknown.what))
            raise
    published = report("published")
    history.keep(published)
    remember(plan, delivery, connections, now)
    return published


def remember(plan: Plan, delivery: Delivery, connections: Connections, now: datetime) -> None:
    """Remember the schema of the delivery, unless it is a backfill. A failure is logged: the delivery is published."""
    if plan.run.is_backfill:
        return
    columns = {one.feed.name: columns_of(one.feed, one.extract.pinned.schema) for one in delivery.feeds}
    try:
        Schemas.of(plan.staging, plan.export.name, connections).delivered(columns, plan.run.run_id, now)
    except SluiceError as failed:
        log.warning("the schema of the delivery was not remembered: %s", failed.page())


@dataclass(frozen=True)
class Publication:
    """One attempt to publish one run."""

    plan: Plan
    stage: Stage
    destination: Destination
    connections: Connections
    watermarks: Watermarks
    commit: Commit
    now: datetime
    note: Step

    def run(self) -> None:
        """Publish, write the success marker, and remove parts that the manifest does not list."""
        plan, destination = self.plan, self.destination
        closed = self.commit.log.state().closed
        intent = self.commit.publish(self._prepare, follows=plan.follows)
        manifest = Manifest.model_validate_json(intent.manifest)
        if plan.export.manifest.success_marker:
            destination.put(plan.beside_manifest("_SUCCESS"), [])
        listed = {part.path for part in manifest.exportResults}
        listed |= {*triggers_of(plan, manifest, before=True), *triggers_of(plan, manifest, before=False)}
        # Once this run was cleaned, another one may have the names that an earlier plan of it had.
        if not closed and Names(plan, destination, self.connections).holds_all():
            destination.remove(
                find(set(leftovers(self.stage)) - listed - {log_of(plan, self.connections)}, destination)
            )
        if plan.follows and intent.claim is not None and intent.claim.watermark is not None:
            self._copy(intent.claim.watermark)

    def _prepare(self, opened: int) -> Intent:
        """Compare staging with the destination. Both are read after the opening `opened`, so nothing of an earlier
        opening counts."""
        plan, delivery = self.plan, Delivery.of(self.plan, self.stage)
        take_names(plan, self.stage, self.destination, self.connections, opened)
        reconcile(delivery, self.destination)
        if not self.commit.log.state().decided:
            extracts = [one.extract for one in delivery.feeds]
            parts = [part for one in delivery.feeds for part in one.parts]
            guard_delivery(plan, extracts, parts, self.connections, self.now, self.note.warn)
        basis = self.stage.read("basis", Basis) if plan.follows else Basis()
        claim = self._claim(opened, basis, delivery) if plan.takes_a_place else None
        put_documents(delivery, self.destination, self.now)
        log_delivery(plan, self.stage, self.destination, self.connections, self.now, self.note.warnings)
        # Before the decision: what is visible must be in the record.
        record(delivery, self.stage, self.connections, self.destination.locate(plan.manifest), self.now)
        return Intent(manifest=render(delivery.manifest(basis.previous)).decode(), claim=claim)

    def _claim(self, opened: int, basis: Basis, delivery: Delivery) -> Claim:
        plan = self.plan
        before = delivered_before(plan.staging, plan.export.name, self.connections)
        exists = partial(_exists, self.destination)
        last = recall(plan, self.commit.deliveries, self.watermarks, before, exists)
        number, watermark = (last.number, last.watermark) if last else (0, None)
        if plan.follows:
            number = basis.number if basis.number is not None else _number_of(basis, number, watermark)
            watermark = self._watermark(number + 1, basis, delivery)
        return Claim(
            number=number + 1,
            run=str(plan.run.id),
            run_id=plan.run.run_id,
            opened=opened,
            manifest=plan.manifest,
            watermark=watermark,
        )

    def _watermark(self, number: int, basis: Basis, delivery: Delivery) -> Watermark:
        delivered = {one.feed.name: one.extract.position for one in delivery.feeds if one.extract.position}
        return Watermark(
            run=str(self.plan.run.id),
            run_id=self.plan.run.run_id,
            previous=basis.previous,
            number=number,
            published_at=self.now.isoformat(timespec="seconds"),
            definition_hash=self.plan.definition_hash,
            feeds={**basis.feeds, **delivered},
        )

    def _copy(self, watermark: Watermark) -> None:
        """Update Airflow's copy of the watermark, which only moves forward."""
        export = self.plan.export.name
        known = self.watermarks.get(export)
        if known is not None and Watermark.model_validate(known).number > watermark.number:
            return
        value = watermark.model_dump(mode="json")
        if len(watermark.model_dump_json()) > SMALL:
            value |= {"feeds": {}, "staged": f"log/{watermark.number:08d}/entry.json"}
        self.watermarks.set(export, value)


def put_documents(delivery: Delivery, destination: Destination, now: datetime) -> None:
    """Write the files that accompany the parts: the `model.json` and the `mapping.json` of a data-out export."""
    plan = delivery.plan
    if plan.export.kind != "data-out-export":
        return
    schemas = [(one, mapper_of(one.feed, one.extract).schema) for one in delivery.feeds]
    entities = ((one.feed.dataset, schema, one.parts) for one, schema in schemas)
    model = model_json.render(plan.export, plan.format, entities, destination.locate, now)
    destination.put(plan.beside_manifest("model.json"), [model])
    mapping = mapping_json.render(plan.export.name, ((one.feed, schema) for one, schema in schemas))
    destination.put(plan.beside_manifest("mapping.json"), [mapping])


def _exists(destination: Destination, name: str) -> bool:
    return destination.stat(name) is not None


def _number_of(basis: Basis, number: int, watermark: Watermark | None) -> int:
    """The number of the delivery that a schema 1 run follows. Raises `LostError` if it is not the last one."""
    if (watermark.run if watermark else None) != basis.previous:
        raise LostError(
            "another run has published in the meantime: this run publishes nothing, so that no row is delivered twice",
            next_step="clear this run from `extract` on, or trigger a new one",
        )
    return number
