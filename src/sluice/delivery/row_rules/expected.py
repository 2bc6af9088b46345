"""Whether what was extracted is what the export expects: told before anything is sent."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import islice

from sluice.definition.models.rows import Expect
from sluice.delivery.extraction import Extraction, FeedExtraction, FeedStep, RunStep
from sluice.delivery.report.history import History
from sluice.delivery.row_rules.release import judge
from sluice.delivery.rows.extracted import FeedExtract
from sluice.errors import FatalError, Skipped
from sluice.model.access import Connections
from sluice.plan.model import Feed, Plan

TRAILING = 5
"""Published full deliveries whose mean a new one is compared with."""


_THEN = {"warn": "warns", "hold": "is held", "fail": "fails"}


def warn_of_rejects(run: Extraction) -> None:
    """Warn of the rows of each feed that are in quarantine, also of those that an earlier attempt has moved there."""
    for extract in run.extracts:
        if extract.rejected:
            run.note.warn(_set_aside(extract))


def _set_aside(extract: FeedExtract) -> str:
    most = sorted(extract.reasons.items(), key=lambda item: -item[1])
    reasons = "; ".join(f"{count:,} x {reason}" for reason, count in most)
    return f"{extract.feed}: {extract.rejected:,} rows are set aside in {extract.quarantine}: {reasons}"


def _describe_limit(plan: Plan, feed: Feed) -> str | None:
    most = plan.connection.limits.records_per_segment
    return f"skips the run if there are more than {most:,} records" if feed.segment and most is not None else None


def _within_limit(work: FeedExtraction) -> None:
    """Raises `Skipped` where the target does not take so many records of one segment."""
    connection, records = work.plan.connection, work.extract.records
    most = connection.limits.records_per_segment
    if most is not None and records > most:
        raise Skipped(
            f"segment {work.feed.name} has {records:,} records and connection {connection.name} takes {most:,} of one"
            " segment: the export is skipped",
            next_step="split the segment, or raise limits.records_per_segment if the target takes more",
        )


LIMIT = FeedStep("limit", _describe_limit, _within_limit)


def _describe_empty(plan: Plan) -> str | None:
    then = plan.export.when_empty
    return f"{then}s the run if there is no record" if then in ("skip", "fail") else None


def _not_empty(run: Extraction) -> None:
    if any(extract.records for extract in run.extracts):
        return
    export = run.plan.export
    what = f"{export.name}: there is no record to deliver, and `when_empty` is `{export.when_empty}`"
    if export.when_empty == "skip":
        raise Skipped(what)
    raise FatalError(what, next_step="look at its segments and datasets, then clear the run")


EMPTY = RunStep("empty", _describe_empty, _not_empty)


def _describe_expect(plan: Plan) -> str | None:
    expect = plan.export.expect
    said = expect.model_dump(mode="json", exclude={"on_breach"}, exclude_none=True)
    limits = ", ".join(f"{key} {value}" for key, value in said.items())
    return f"expects {limits} of each feed; else the run {_THEN[expect.on_breach]}" if said else None


def _as_expected(run: Extraction) -> None:
    """Raises `FatalError` or `HeldError` where the counts are to stop the run; warns where they are to be warned of."""
    plan, expect = run.plan, run.plan.export.expect
    for extract in run.extracts:
        for breach in _breaches(expect, extract, _mean(plan, extract.feed, run.connections)):
            judge(plan, expect.on_breach, f"{extract.feed}: {breach}", run.note)


EXPECT = RunStep("expect", _describe_expect, _as_expected)


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
