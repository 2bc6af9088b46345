"""Resend: deliver a published run's bytes again, under the same names, from the data that it has pinned. The watermark
does not move, and no downstream DAG is triggered."""

from __future__ import annotations

from contextlib import closing
from datetime import datetime
from uuid import UUID

from sluice.definition.models.project import Staging
from sluice.delivery.commit.commit import sending
from sluice.delivery.commit.committing import commit_of
from sluice.delivery.commit.triggers import put_triggers, triggers_of
from sluice.delivery.export_log import log_delivery
from sluice.delivery.hand_over.handing import hand_over
from sluice.delivery.publish.delivered import Delivery, report_of
from sluice.delivery.publish.publish import put_documents
from sluice.delivery.publish.published import published_manifest
from sluice.delivery.publish.reconcile import reconcile
from sluice.delivery.report.report import Report
from sluice.delivery.rows.extracted import Extracted, FeedExtract
from sluice.delivery.rows.opened import source_of
from sluice.delivery.staging import Stage, StagedRun
from sluice.delivery.subjects.record import record
from sluice.errors import FatalError, about
from sluice.model.access import Connections
from sluice.model.manifest import ExportResult, render
from sluice.model.run import flow_run_id
from sluice.plan.model import Plan

_NEW_RUN = "trigger a new run: it delivers the current data"


def load_run(staging: Staging, export: str, run: str, connections: Connections) -> Extracted:
    """The extract of a published run, from staging. `run` is its flow run id or its Airflow run id.

    Raises `FatalError` if staging no longer holds it, if it was never published, or if its data has changed since."""
    staged = StagedRun.named(staging, export, _id(export, run)).known(connections)
    stage = staged.open(connections)
    plan = stage.find("plan", Plan)
    if plan is None:
        raise FatalError(
            f"staging holds nothing of run {run} of {export}: the run does not exist, or its staging was cleaned",
            next_step=f"use the run id from the manifest's name, which `sluice report {export}` shows; or {_NEW_RUN}",
        )
    if plan.connection.openpgp:
        raise FatalError(
            f"run {run} of {export} was encrypted, and encryption never produces the bytes in its manifest again",
            next_step=_NEW_RUN,
        )
    if published_manifest(plan, stage, connections) is None:
        raise FatalError(f"run {run} of {export} has published nothing", next_step="name a run that was published")
    extracts = [_intact(plan, feed.name, stage, connections) for feed in plan.feeds]
    return Extracted(
        export=export,
        airflow_conn_id=staged.airflow_conn_id,
        folder=staged.folder,
        identity=staged.identity,
        written_at=staged.written_at,
        records=sum(one.records for one in extracts),
        rejected=sum(one.rejected for one in extracts),
        feeds={one.feed: one.records for one in extracts},
        resend=True,
    )


def publish_again(staged: StagedRun, connections: Connections, now: datetime) -> Report:
    """Compare the parts that were sent with the run's manifest, and write the manifest again.

    Raises `FatalError` if the bytes of a part differ from the manifest."""
    stage = staged.open(connections)
    plan = stage.read("plan", Plan)
    manifest = published_manifest(plan, stage, connections)
    if manifest is None:
        raise FatalError(f"run {plan.run.run_id} of {plan.export.name} has published nothing")
    delivery = Delivery.of(plan, stage)
    connection = plan.connection
    with (
        closing(connection.destination.open(connections, name=connection.name, threads=4)) as destination,
        sending(commit_of(plan, stage, destination, connections)),
    ):
        reconcile(delivery, destination)
        _check_same(manifest.exportResults, delivery.manifest(manifest.previous).exportResults)
        put_documents(delivery, destination, now)
        log_delivery(plan, stage, destination, connections, now)
        record(delivery, stage, connections, destination.locate(plan.manifest), now)
        put_triggers(triggers_of(plan, manifest, before=True), destination)
        destination.put(plan.manifest, [render(manifest)])
        hand_over(plan, manifest, destination, stage, connections, again=True)
        put_triggers(triggers_of(plan, manifest, before=False), destination)
        if plan.export.manifest.success_marker:
            destination.put(plan.beside_manifest("_SUCCESS"), [])
        address = destination.locate(plan.manifest)
    return report_of(plan, stage, delivery, "published", address, now).model_copy(update={"wakes": False})


def _id(export: str, run: str) -> str:
    try:
        return str(UUID(run))
    except ValueError:
        return str(flow_run_id(export, run))


def _intact(plan: Plan, feed: str, stage: Stage, connections: Connections) -> FeedExtract:
    extract, dataset = stage.find(f"extract/{feed}", FeedExtract), plan.feed(feed).dataset
    with about("datasets", dataset.name):
        if extract is None or not source_of(plan.feed(feed), extract, connections).intact(extract.pinned):
            raise FatalError(
                f"{feed}: the data that run {plan.run.run_id} delivered can no longer be read: it was rewritten or"
                " removed since",
                next_step=_NEW_RUN,
            )
    return extract


def _check_same(before: tuple[ExportResult, ...], now: tuple[ExportResult, ...]) -> None:
    sent = {part.path: part for part in now}
    differing = [part.path for part in before if sent.get(part.path) != part]
    if differing or len(before) != len(now):
        raise FatalError(
            f"{len(differing)} of {len(before)} parts differ from the manifest, first"
            f" {differing[0] if differing else now[-1].path}: another version of Sluice or its engines made them",
            next_step=f"{_NEW_RUN}; point the consumers of the old manifest to the new one",
        )
