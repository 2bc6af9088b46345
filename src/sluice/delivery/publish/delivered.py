"""What a run has sent, per feed: the input of the reconciliation, the manifest and the report."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import datetime
from functools import cached_property, partial

from sluice.delivery.chunk import Shards
from sluice.delivery.report.report import FeedReport, Outcome, Report, versions
from sluice.delivery.rows.extracted import FeedExtract
from sluice.delivery.rows.opened import mapper_of
from sluice.delivery.staging import Stage
from sluice.delivery.step import noted
from sluice.delivery.upload.upload import Sent
from sluice.model.manifest import ExportResult, FeedSummary, Manifest
from sluice.model.part import Part
from sluice.plan.model import GROUP, Feed, Plan, named

_AT_ONCE = 16
"""Receipts that are read from staging in parallel: one file for each shard."""


@dataclass(frozen=True)
class Delivered:
    """One feed and the parts that were sent."""

    feed: Feed
    extract: FeedExtract
    parts: tuple[Part, ...]

    @property
    def written(self) -> int:
        return sum(part.records for part in self.parts)

    @property
    def bytes(self) -> int:
        return sum(part.bytes for part in self.parts)

    @property
    def since(self) -> str | None:
        return self.extract.since.label if self.extract.since else None

    @property
    def until(self) -> str | None:
        return self.extract.position.label if self.extract.position else None

    @cached_property
    def groups(self) -> Mapping[str, int]:
        """The records of each group, by its name; empty if the segment is not split."""
        found: Counter[str] = Counter()
        for part in self.parts:
            found[named(f"{self.feed.name}{GROUP}", part.group)] += part.records
        return found if len(found) > 1 else {}

    def summary(self, plan: Plan) -> FeedSummary:
        """The feed in the manifest."""
        mode = plan.mode_of(self.feed)
        schema = mapper_of(self.feed, self.extract).schema
        return FeedSummary(
            dataset=self.feed.dataset.name,
            segment=self.feed.segment.name if self.feed.segment else None,
            records=self.written,
            rejected=self.extract.rejected,
            duplicates=self.extract.duplicates,
            bytes=self.bytes,
            parts=len(self.parts),
            mode=mode if mode != plan.mode else None,
            version=self.extract.pinned.version,
            since=self.since,
            until=self.until,
            window=self.extract.window,
            changes=self.extract.changes,
            columns={column.name: str(column.type) for column in schema},
        )

    def report(self) -> FeedReport:
        """The feed in the report."""
        extract = self.extract
        return FeedReport(
            read=extract.pinned.records,
            selected=extract.records + extract.rejected + extract.duplicates + sum(extract.left_out.values()),
            left_out=extract.left_out,
            rejected=extract.rejected,
            duplicates=extract.duplicates,
            too_old=extract.too_old,
            written=self.written,
            groups=self.groups,
            accounts=extract.accounts,
            parts=len(self.parts),
            bytes=self.bytes,
            since=self.since,
            until=self.until,
            window=extract.window,
        )


@dataclass(frozen=True)
class Delivery:
    """Everything that one run has sent."""

    plan: Plan
    feeds: tuple[Delivered, ...]
    seconds: float

    @classmethod
    def of(cls, plan: Plan, stage: Stage) -> Delivery:
        """From the extracts and receipts that the run's steps have staged."""
        sent = _receipts(stage, [shard.number for shard in stage.read("shards", Shards).shards])
        feeds = tuple(_delivered(feed, stage, sent) for feed in plan.feeds)
        return cls(plan, feeds, round(sum(one.seconds for one in sent), 3))

    def manifest(self, previous: str | None) -> Manifest:
        plan, feeds = self.plan, {one.feed.name: one.summary(self.plan) for one in self.feeds}
        return Manifest(
            flowRunId=str(plan.run.id),
            scheduledTime=f"{plan.run.time:%Y-%m-%dT%H:%M:%SZ}",
            exportResults=tuple(_result(one, *at) for one in self.feeds for at in enumerate(one.parts)),
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
            triggers=_triggers(plan),
        )


def report_of(
    plan: Plan, stage: Stage, delivery: Delivery | None, outcome: Outcome, address: str, now: datetime, why: str = ""
) -> Report:
    """The report of a run; without a `delivery`, of a run that has not sent everything."""
    steps = {name: noted(stage, name) for name in ("extract", "chunk", "publish")}
    feeds = {one.feed.name: one.report() for one in delivery.feeds} if delivery else {}
    seconds = {name: step.seconds for name, step in steps.items() if step.seconds}
    return Report(
        export=plan.export.name,
        kind=plan.export.kind,
        connection=plan.connection.name,
        application=getattr(plan.export, "application", None) or "",
        run=plan.run.run_id,
        flow_run_id=str(plan.run.id),
        outcome=outcome,
        why=why,
        mode=plan.mode,
        window=str(plan.run.window) if plan.run.window else None,
        files=sum(feed.parts for feed in feeds.values()),
        records=sum(feed.written for feed in feeds.values()),
        left_out=sum(sum(feed.left_out.values()) for feed in feeds.values()),
        rejected=sum(feed.rejected for feed in feeds.values()),
        duplicates=sum(feed.duplicates for feed in feeds.values()),
        bytes=sum(feed.bytes for feed in feeds.values()),
        seconds=delivery.seconds if delivery else 0.0,
        steps=seconds | ({"upload": delivery.seconds} if delivery else {}),
        feeds=feeds,
        warnings=tuple(warning for step in steps.values() for warning in step.warnings),
        manifest=address,
        started_at=steps["extract"].started_at,
        ended_at=now.isoformat(timespec="seconds"),
        definition_hash=plan.definition_hash,
        versions=versions(),
        wakes=not plan.run.is_backfill or plan.run.wake_downstream,
    )


def _triggers(plan: Plan) -> Mapping[str, str]:
    trigger = plan.export.names.trigger
    if trigger is None:
        return {}
    instead = {"instead_of": plan.extension} if trigger.after == "name" else {}
    return {"suffix": trigger.suffix, **instead} if trigger.suffix else {"name": plan.trigger}


def _receipts(stage: Stage, shards: Sequence[int]) -> list[Sent]:
    """The receipts of these shards. One file needs no threads: a process without memory may wait for a thread that
    never starts, instead of failing."""
    read = partial(stage.read, kind=Sent)
    names = [f"sent/{number:04d}" for number in shards]
    if len(names) < 2:
        return [read(name) for name in names]
    with ThreadPoolExecutor(_AT_ONCE, thread_name_prefix="sent") as pool:
        return list(pool.map(read, names))


def _delivered(feed: Feed, stage: Stage, sent: Sequence[Sent]) -> Delivered:
    extract = stage.read(f"extract/{feed.name}", FeedExtract)
    parts = [part for one in sent for part in one.parts if part.feed == feed.name and one.extract == extract.id]
    return Delivered(feed=feed, extract=extract, parts=tuple(sorted(parts, key=lambda part: part.key)))


def _result(one: Delivered, number: int, part: Part) -> ExportResult:
    folder, _, name = part.name.rpartition("/")
    return ExportResult(
        sinkPath=f"/{folder}",
        name=name,
        size=part.bytes,
        feed=part.feed,
        number=number,
        records=part.records,
        sha256=part.sha256,
        group=named(f"{part.feed}{GROUP}", part.group) if one.groups else None,
    )
