"""Check the extract against what the export expects, before anything is sent."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import islice
from typing import cast

from sluice.definition.models.rows import Expect
from sluice.delivery.extraction import Extraction, FeedExtraction, FeedStep, RunStep
from sluice.delivery.report.history import History
from sluice.delivery.row_rules.release import judge
from sluice.delivery.rows.extracted import FeedExtract
from sluice.errors import FatalError, Skipped
from sluice.model.access import Connections
from sluice.plan.model import Feed, Plan

TRAILING = 5
"""A new delivery is compared with the mean of this many published full deliveries."""
_THEN = {"warn": "warns", "hold": "is held", "fail": "fails"}


def warn_of_rejects(run: Extraction) -> None:
    """Warn of each feed's rejected rows, also if an earlier attempt has rejected them."""
    for extract in run.extracts:
        if extract.rejected:
            run.note.warn(_rejected(extract))


def _rejected(extract: FeedExtract) -> str:
    most = sorted(extract.reasons.items(), key=lambda item: -item[1])
    reasons = "; ".join(f"{count:,} x {reason}" for reason, count in most)
    what = f"{extract.rejected:,} rows were rejected, and are in the quarantine file {extract.quarantine}"
    return f"{extract.feed}: {what}: {reasons}"


def _describe_limit(plan: Plan, feed: Feed) -> str | None:
    most = plan.connection.limits.records_per_segment
    return f"skips the run if there are more than {most:,} records" if feed.segment and most is not None else None


def _within_limit(work: FeedExtraction) -> None:
    """Raises `Skipped` if the target does not accept so many records of one segment."""
    connection, records = work.plan.connection, work.extract.records
    most = cast("int", connection.limits.records_per_segment)
    if records > most:
        raise Skipped(
            f"segment {work.feed.name} has {records:,} records, but connection {connection.name} accepts"
            f" {most:,} per segment: the run is skipped",
            next_step="split the segment, or raise `limits.records_per_segment` if the target accepts more",
        )


LIMIT = FeedStep("limit", _describe_limit, _within_limit)


def _describe_empty(plan: Plan) -> str | None:
    then = plan.export.when_empty
    return f"{then}s the run if there are no records" if then in ("skip", "fail") else None


def _not_empty(run: Extraction) -> None:
    if any(extract.records for extract in run.extracts):
        return
    export = run.plan.export
    what = f"{export.name}: there are no records to deliver, and `when_empty` is `{export.when_empty}`"
    if export.when_empty == "skip":
        raise Skipped(what)
    raise FatalError(what, next_step="check its segments and datasets, then clear the run")


EMPTY = RunStep("empty", _describe_empty, _not_empty)


def _describe_expect(plan: Plan) -> str | None:
    expect = plan.export.expect
    said = expect.model_dump(mode="json", exclude={"on_breach"}, exclude_none=True)
    limits = ", ".join(f"{key} {value}" for key, value in said.items())
    return f"expects {limits} of each feed; else the run {_THEN[expect.on_breach]}" if said else None


def _as_expected(run: Extraction) -> None:
    """Raises `FatalError` or `HeldError` if a count stops the run; warns if the export only warns of it."""
    plan, expect = run.plan, run.plan.export.expect
    for extract in run.extracts:
        for breach in _breaches(expect, extract, _mean(plan, extract.feed, run.connections)):
            judge(plan, expect.on_breach, f"{extract.feed}: {breach}", run.note)


EXPECT = RunStep("expect", _describe_expect, _as_expected)


def _breaches(expect: Expect, extract: FeedExtract, mean: float | None) -> Iterator[str]:
    records = extract.records
    if expect.min_records is not None and records < expect.min_records:
        yield f"{records:,} records, but `expect.min_records` is {expect.min_records:,}"
    if expect.max_records is not None and records > expect.max_records:
        yield f"{records:,} records, but `expect.max_records` is {expect.max_records:,}"
    most = expect.max_deviation
    if most is not None and mean is not None and abs(records - mean) > most * mean:
        how_far = f"{(records - mean) / mean:+.0%} from" if mean else "away from"
        yield (
            f"{records:,} records, {how_far} the mean of the last deliveries ({mean:,.0f}), but"
            f" `expect.max_deviation` is {most * 100:.4g}%"
        )


def _mean(plan: Plan, feed: str, connections: Connections) -> float | None:
    """The mean records of the feed in the last full deliveries; None if there is none, or this run is not full."""
    if plan.export.expect.max_deviation is None or plan.mode != "full" or plan.run.window:
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
