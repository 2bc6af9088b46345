"""Whether what was extracted is what the export expects: told before anything is sent."""

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
"""Published full deliveries whose mean a new one is compared with."""


def as_expected(plan: Plan, extracts: Sequence[FeedExtract], connections: Connections, step: Step) -> None:
    """Raises `FatalError` where the counts are to stop the run, `Skipped` where there is nothing to send and the export
    skips such runs. Warns of rows set aside, and of counts that are to be warned of."""
    for extract in extracts:
        if extract.rejected:
            step.warn(_set_aside(extract))
    if not any(extract.records for extract in extracts):
        _empty(plan)
    expect = plan.export.expect
    for extract in extracts:
        for breach in _breaches(expect, extract, _mean(plan, extract.feed, connections)):
            judge(plan, expect.on_breach, f"{extract.feed}: {breach}", step)


def within_limits(feed: Feed, plan: Plan, records: int) -> None:
    """Raises `Skipped` where the target does not take so many records of one segment."""
    most = plan.connection.limits.records_per_segment
    if feed.segment is not None and most is not None and records > most:
        raise Skipped(
            f"segment {feed.name} has {records:,} records and connection {plan.connection.name} takes {most:,} of one"
            " segment: the export is skipped",
            next_step="split the segment, or raise limits.records_per_segment if the target takes more",
        )


def _set_aside(extract: FeedExtract) -> str:
    most = sorted(extract.reasons.items(), key=lambda item: -item[1])
    reasons = "; ".join(f"{count:,} x {reason}" for reason, count in most)
    return f"{extract.feed}: {extract.rejected:,} rows are set aside in {extract.quarantine}: {reasons}"


def _empty(plan: Plan) -> None:
    match plan.export.when_empty:
        case "skip":
            raise Skipped(f"{plan.export.name}: there is no record to deliver, and `when_empty` is `skip`")
        case "fail":
            raise FatalError(
                f"{plan.export.name}: there is no record to deliver, and `when_empty` is `fail`",
                next_step="look at its segments and datasets, then clear the run",
            )


def _breaches(expect: Expect, extract: FeedExtract, mean: float | None) -> Iterator[str]:
    records = extract.records
    if expect.min_records is not None and records < expect.min_records:
        yield f"{records:,} records, and `expect.min_records` is {expect.min_records:,}"
    if expect.max_records is not None and records > expect.max_records:
        yield f"{records:,} records, and `expect.max_records` is {expect.max_records:,}"
    most = expect.max_deviation
    if most is not None and mean is not None and abs(records - mean) > most * mean:
        how_far = f"{(records - mean) / mean:+.0%} from" if mean else "away from"
        yield (
            f"{records:,} records, {how_far} the mean of the last deliveries ({mean:,.0f}), and"
            f" `expect.max_deviation` is {most * 100:.4g}%"
        )


def _mean(plan: Plan, feed: str, connections: Connections) -> float | None:
    """Records of the feed in the last full deliveries; None where there is none, or this is no full one."""
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
