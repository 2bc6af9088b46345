"""Asks the guardrails of a run, and does what their verdicts say."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from functools import partial
from itertools import islice
from types import MappingProxyType

from sluice.delivery.extraction import Extraction, FeedExtraction, FeedStep, RunStep
from sluice.delivery.report.history import History
from sluice.delivery.report.schemas import Columns, Schemas, columns_of, differences
from sluice.delivery.rows.extracted import FeedExtract
from sluice.delivery.step import Step
from sluice.guardrails.act import act
from sluice.guardrails.facts import Facts, FeedFacts, LastDelivery, PartFacts
from sluice.guardrails.rule import FeedGuardrail, RunGuardrail
from sluice.guardrails.table import OF_CHUNKS, OF_DELIVERIES, OF_FEEDS, OF_RUNS, OF_STARTS
from sluice.model.access import Connections
from sluice.model.part import Part
from sluice.plan.model import Feed, Plan
from sluice.runs.index import Index

TRAILING = 5
"""A new delivery is compared with the mean of this many published full deliveries."""


def _names(plan: Plan, rules: tuple[FeedGuardrail | RunGuardrail, ...]) -> str | None:
    return ", ".join(rule.name for rule in rules if rule.describe(plan)) or None


def _guard_start(run: Extraction) -> None:
    """Raises what the verdicts of the guardrails of starts say: no data was read."""
    last = partial(_last_delivery, run.plan, run.connections)
    facts = replace(_facts(run.plan, (), run.connections, run.now), last_delivery=last)
    act(run.plan, (found for rule in OF_STARTS for found in rule.check(run.plan, facts)), run.note.warn)


def _guard_feed(work: FeedExtraction) -> None:
    """Raises what the verdicts of the guardrails of feeds say."""
    facts = replace(_of_feed(work.feed, work.extract), lists=work.lists, now=work.run.now)
    act(work.plan, (found for rule in OF_FEEDS for found in rule.check(work.plan, facts)), work.run.note.warn)


def _guard_run(run: Extraction) -> None:
    """Raises what the verdicts of the guardrails of runs say."""
    plan = run.plan
    before = {} if plan.guardrails.schema_change == "off" else _schemas(plan, run.connections).last().feeds
    facts = _facts(plan, run.extracts, run.connections, run.now, before)
    act(plan, (found for rule in OF_RUNS for found in rule.check(plan, facts)), run.note.warn)


def guard_delivery(
    plan: Plan,
    extracts: Sequence[FeedExtract],
    parts: Sequence[Part],
    connections: Connections,
    now: datetime,
    warn: Callable[[str], None],
) -> None:
    """Raises what the verdicts of the guardrails of deliveries say: everything is sent, and nothing is decided yet."""
    sent = [PartFacts(part.feed, part.name, part.records, part.bytes) for part in parts]
    facts = replace(_facts(plan, extracts, connections, now), parts=sent)
    act(plan, (found for rule in OF_DELIVERIES for found in rule.check(plan, facts)), warn, done="published")


def guard_chunks(
    plan: Plan, extracts: Sequence[FeedExtract], files: Mapping[str, int], connections: Connections, note: Step
) -> None:
    """Raises what the verdicts of the guardrails of chunks say. `files` are those of each feed."""
    facts = replace(_facts(plan, extracts, connections, datetime.now(UTC)), files=files)
    act(plan, (found for rule in OF_CHUNKS for found in rule.check(plan, facts)), note.warn)


START_GUARDRAILS = RunStep("guards", lambda plan: _names(plan, OF_STARTS), _guard_start)
FEED_GUARDRAILS = FeedStep("guards", lambda plan, _: _names(plan, OF_FEEDS), _guard_feed)
RUN_GUARDRAILS = RunStep("guards", lambda plan: _names(plan, OF_RUNS), _guard_run)


def _facts(
    plan: Plan,
    extracts: Sequence[FeedExtract],
    connections: Connections,
    now: datetime,
    before: Mapping[str, Columns] = MappingProxyType({}),
) -> Facts:
    """`before` are the columns of each feed in the last delivery."""
    return Facts(
        now=now,
        feeds=[_of_feed(plan.feed(one.feed), one, before.get(one.feed)) for one in extracts],
        mean=partial(_mean, plan, connections=connections),
        index=partial(_index, plan, connections),
    )


def _of_feed(feed: Feed, extract: FeedExtract, before: Columns | None = None) -> FeedFacts:
    changes = differences(before, columns_of(feed, extract.pinned.schema)) if before is not None else ()
    return FeedFacts(
        feed,
        extract.records,
        extract.rejected,
        extract.reasons,
        extract.quarantine,
        too_old=extract.too_old,
        undated=extract.undated,
        first=extract.since is None and extract.window is None,
        schema_changes=tuple(changes),
    )


def _schemas(plan: Plan, connections: Connections) -> Schemas:
    return Schemas.of(plan.staging, plan.export.name, connections)


def _last_delivery(plan: Plan, connections: Connections) -> LastDelivery | None:
    for report in History(plan.staging, plan.export.name, connections).published(1):
        return LastDelivery(report.run, report.flow_run_id, datetime.fromisoformat(report.ended_at))
    return None


def _index(plan: Plan, connections: Connections) -> Index:
    index = Index.of(plan.staging, connections)
    index.refresh()
    return index


def _mean(plan: Plan, feed: str, connections: Connections) -> float | None:
    """The mean records of the feed in the last full deliveries; None if there is none, or this run is not full."""
    if plan.mode != "full" or plan.run.window:
        return None
    full = (
        report.feeds[feed].written
        for report in History(plan.staging, plan.export.name, connections)
        if report.outcome == "published"
        and report.mode == "full"
        and report.window is None
        and report.flow_run_id != str(plan.run.id)
        and feed in report.feeds
    )
    last = list(islice(full, TRAILING))
    return sum(last) / len(last) if last else None
