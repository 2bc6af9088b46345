"""Check the extract against what the export expects, before anything is sent."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import islice

from sluice.definition.models.rows import Expect
from sluice.delivery.report.history import History
from sluice.delivery.row_rules.release import judge
from sluice.delivery.rows.extracted import FeedExtract
from sluice.delivery.step import Step
from sluice.errors import FatalError, Skipped
from sluice.model.access import Connections
from sluice.plan.model import Feed, Plan

TRAILING = 5
"""A new delivery is compared with the mean of this many published full deliveries."""


def as_expected(plan: Plan, extracts: Sequence[FeedExtract], connections: Connections, step: Step) -> None:
    """Check the counts of a run. Raises `FatalError` if they stop the run, `Skipped` if there is nothing to send and
    the export skips empty runs. Warns of rejected rows, and of counts that the export only warns of."""
    for extract in extracts:
        if extract.rejected:
            step.warn(_rejected(extract))
    if not any(extract.records for extract in extracts):
        _empty(plan)
    expect = plan.export.expect
    for extract in extracts:
        for breach in _breaches(expect, extract, _mean(plan, extract.feed, connections)):
            judge(plan, expect.on_breach, f"{extract.feed}: {breach}", step)


def within_limits(feed: Feed, plan: Plan, records: int) -> None:
    """Raises `Skipped` if the target does not accept so many records of one segment."""
    most = plan.connection.limits.records_per_segment
    if feed.segment is not None and most is not None and records > most:
        raise Skipped(
            f"segment {feed.name} has {records:,} records, but connection {plan.connection.name} accepts"
            f" {most:,} per segment: the run is skipped",
            next_step="split the segment, or raise `limits.records_per_segment` if the target accepts more",
        )


def _rejected(extract: FeedExtract) -> str:
    most = sorted(extract.reasons.items(), key=lambda item: -item[1])
    reasons = "; ".join(f"{count:,} x {reason}" for reason, count in most)
    what = f"{extract.rejected:,} rows were rejected, and are in the quarantine file {extract.quarantine}"
    return f"{extract.feed}: {what}: {reasons}"


def _empty(plan: Plan) -> None:
    match plan.export.when_empty:
        case "skip":
            raise Skipped(f"{plan.export.name}: there are no records to deliver, and `when_empty` is `skip`")
        case "fail":
            raise FatalError(
                f"{plan.export.name}: there are no records to deliver, and `when_empty` is `fail`",
                next_step="check its segments and datasets, then clear the run",
            )


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
