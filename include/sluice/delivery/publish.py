"""Publish: prove that everything is there, then write the manifest. The only step that makes a delivery visible."""

from __future__ import annotations

import time
from collections.abc import Sequence
from contextlib import closing
from datetime import datetime

from pydantic import BaseModel, ConfigDict

from sluice.delivery import model_json
from sluice.delivery.chunk import Shards
from sluice.delivery.extracted import FeedExtract
from sluice.delivery.manifest import ExportResult, FeedSummary, Manifest, render
from sluice.delivery.staging import Stage, StagedRun
from sluice.delivery.turn import Turn
from sluice.delivery.upload import Sent
from sluice.delivery.watermark import Watermarks
from sluice.destinations.base import Destination
from sluice.errors import FatalError, RetriableError, UnknownOutcomeError
from sluice.mapping.mapper import compile_fields
from sluice.model.access import Connections
from sluice.model.part import Part
from sluice.plan.model import Feed, Plan


class Report(BaseModel):
    """One delivery in numbers: what Airflow shows, and what the asset event carries."""

    model_config = ConfigDict(frozen=True)

    export: str
    connection: str
    run: str
    files: int
    records: int
    rejected: int
    bytes: int
    seconds: float
    """Spent sending, added up over the shards."""
    manifest: str
    """Its full address."""
    feeds: dict[str, int]
    """Records of each feed."""
    published_at: str
    definition_hash: str
    window: str | None = None
    """Of a backfill, its slice of time."""
    wakes: bool = True
    """Whether those that follow this export's deliveries are told of it."""


class Delivered(BaseModel):
    """One feed with all that was sent of it."""

    model_config = ConfigDict(frozen=True)

    feed: Feed
    extract: FeedExtract
    parts: tuple[Part, ...]


def publish(staged: StagedRun, connections: Connections, watermarks: Watermarks, now: datetime) -> Report:
    """Reconcile rows and bytes (counted in the source = written = at the destination), write the manifest, then move
    the watermark of an incremental export.

    Raises `FatalError` where they differ, saying what does, or where another run's delivery has taken this one's place;
    `UnknownOutcomeError` where the manifest's own write was lost on the way and cannot be looked up.
    """
    stage = staged.open(connections)
    plan = stage.read("plan", Plan)
    sent = [stage.read(f"sent/{shard.number:04d}", Sent) for shard in stage.read("shards", Shards).shards]
    delivered = [_delivered(feed, stage, sent) for feed in plan.feeds]
    connection = plan.connection
    with closing(connection.destination.open(connections, name=connection.name, threads=4)) as destination:
        for one in delivered:
            _add_up(one)
            if connection.destination.stays:
                _all_there(one, destination)
        if plan.export.kind == "data-out-export":
            destination.put(_beside_manifest(plan, "model.json"), [_model_json(plan, delivered)])
        turn = Turn(plan, stage, connections, watermarks, destination)
        turn.announce({d.feed.name: d.extract.position for d in delivered if d.extract.position}, now)
        manifest = _manifest(plan, delivered, turn.previous)
        turn.confirm()
        _put_manifest(plan, manifest, stage, destination)
        if plan.export.manifest.success_marker:
            destination.put(_beside_manifest(plan, "_SUCCESS"), [])
        address = destination.locate(plan.manifest)
        turn.end()
    return Report(
        export=plan.export.name,
        connection=connection.name,
        run=plan.run.run_id,
        files=manifest.files,
        records=manifest.records,
        rejected=sum(one.extract.rejected for one in delivered),
        bytes=manifest.bytes,
        seconds=round(sum(one.seconds for one in sent), 3),
        manifest=address,
        feeds={name: summary.records for name, summary in manifest.feeds.items()},
        published_at=now.isoformat(timespec="seconds"),
        definition_hash=plan.definition_hash,
        window=str(plan.run.window) if plan.run.window else None,
        wakes=not plan.run.is_backfill or plan.run.wake_downstream,
    )


def _delivered(feed: Feed, stage: Stage, sent: Sequence[Sent]) -> Delivered:
    extract = stage.read(f"extract/{feed.name}", FeedExtract)
    parts = [part for one in sent for part in one.parts if part.feed == feed.name and one.extract == extract.id]
    return Delivered(feed=feed, extract=extract, parts=tuple(sorted(parts, key=lambda part: part.number)))


def _add_up(one: Delivered) -> None:
    written = sum(part.records for part in one.parts)
    if written != one.extract.records or [part.number for part in one.parts] != list(range(len(one.parts))):
        raise FatalError(
            f"{one.feed.name}: {one.extract.records:,} records were counted and {written:,} were written in"
            f" {len(one.parts)} parts; nothing is published",
            next_step="clear the run's `upload` tasks",
        )


def _all_there(one: Delivered, destination: Destination) -> None:
    there = {stored.name: stored.size for stored in destination.list(one.feed.folder)}
    differing = [part.name for part in one.parts if there.get(part.name) != part.bytes]
    if differing:
        raise FatalError(
            f"{one.feed.name}: {len(differing)} of {len(one.parts)} parts are not at the destination as they were"
            f" sent, first {destination.locate(differing[0])}; nothing is published",
            next_step="find out what removes or changes files there, then clear the run's `upload` tasks",
        )


def _beside_manifest(plan: Plan, name: str) -> str:
    folder = plan.manifest.rpartition("/")[0]
    return f"{folder}/{name}" if folder else name


def _model_json(plan: Plan, delivered: Sequence[Delivered]) -> bytes:
    return model_json.render(plan.export.name, ((d.feed.name, d.extract.pinned.schema, d.parts) for d in delivered))


def _manifest(plan: Plan, delivered: Sequence[Delivered], previous: str | None) -> Manifest:
    feeds = {one.feed.name: _summary(one) for one in delivered}
    return Manifest(
        flowRunId=str(plan.run.id),
        scheduledTime=f"{plan.run.time:%Y-%m-%dT%H:%M:%SZ}",
        exportResults=tuple(_result(part) for one in delivered for part in one.parts),
        mode=plan.mode,
        previous=previous,
        export=plan.export.name,
        kind=plan.export.kind,
        connection=plan.connection.name,
        run_id=plan.run.run_id,
        definition_hash=plan.definition_hash,
        format=plan.format.model_dump(mode="json"),
        feeds=feeds,
        files=sum(summary.parts for summary in feeds.values()),
        records=sum(summary.records for summary in feeds.values()),
        bytes=sum(summary.bytes for summary in feeds.values()),
    )


def _summary(one: Delivered) -> FeedSummary:
    schema = compile_fields(one.feed.fields, one.extract.pinned.schema, dataset=one.feed.dataset.name).schema
    return FeedSummary(
        dataset=one.feed.dataset.name,
        segment=one.feed.segment.name if one.feed.segment else None,
        records=sum(part.records for part in one.parts),
        rejected=one.extract.rejected,
        bytes=sum(part.bytes for part in one.parts),
        parts=len(one.parts),
        version=one.extract.pinned.version,
        since=one.extract.since.label if one.extract.since else None,
        until=one.extract.position.label if one.extract.position else None,
        window=one.extract.window,
        columns={column.name: str(column.type) for column in schema},
    )


def _result(part: Part) -> ExportResult:
    folder, _, name = part.name.rpartition("/")
    return ExportResult(
        sinkPath=f"/{folder}",
        name=name,
        size=part.bytes,
        feed=part.feed,
        number=part.number,
        records=part.records,
        sha256=part.sha256,
    )


def _put_manifest(plan: Plan, manifest: Manifest, stage: Stage, destination: Destination) -> None:
    """Write it, and stage a copy: from then on `abort` removes nothing. Where files are taken away as they arrive, it
    could not look, so there the copy comes first."""
    body = render(manifest)
    if not plan.connection.destination.stays:
        stage.write("manifest", manifest)
    try:
        destination.put(plan.manifest, [body])
    except RetriableError as lost:
        if not _arrived(plan.manifest, body, destination):
            raise UnknownOutcomeError(f"the manifest's write was not answered: {lost.what}") from lost
    stage.write("manifest", manifest)


def _arrived(name: str, body: bytes, destination: Destination) -> bool:
    """Whether the manifest is there as written, after its answer was lost. Looked up for a few seconds."""
    for pause in (0.0, 1.0, 3.0):
        time.sleep(pause)
        try:
            stored = destination.stat(name)
            return stored is not None and b"".join(destination.read(name)) == body
        except RetriableError:
            continue
    return False
