"""Reject: move the rows of a feed that cannot be delivered to its quarantine file.

Deduplication comes first, so a rejected row is never replaced by an older row with its key.
"""

from __future__ import annotations

from sluice.definition.models.rows import allowed
from sluice.delivery.extraction import FeedExtraction, FeedStep
from sluice.delivery.row_rules.quarantine import Quarantine
from sluice.delivery.row_rules.rejecter import Rejecter
from sluice.delivery.row_rules.release import judge
from sluice.delivery.rows.row_set import RowSet
from sluice.errors import about
from sluice.plan.model import Feed, Plan

_THEN = {"hold": "is held", "fail": "fails"}


def _describe(plan: Plan, feed: Feed) -> str | None:
    declared = plan.export.rejects
    required = [spec.output for spec in feed.fields or () if spec.required]
    rows = [f"rows without {' or '.join(required)}"] if required else []
    rows += [f"rows with a value that {plan.format.type} cannot hold"] if declared.unfit_values == "reject" else []
    if not rows:
        return None
    most = f"; if they are more than {declared.max}, the run {_THEN[declared.on_exceeded]}" if declared.max else ""
    return f"moves {' and '.join(rows)} to the quarantine file{most}"


def _reject(work: FeedExtraction) -> None:
    """Raises `FatalError` or `HeldError` if more rows are rejected than `rejects.max` allows."""
    plan, extract, declared = work.plan, work.extract, work.plan.export.rejects
    lacking = work.lacking or RowSet(extract.pinned.slices)
    rows = extract.records + len(lacking)
    most = None if declared.max is None else allowed(declared.max, rows)
    with about("exports", plan.export.name):
        with Quarantine(plan, work.feed, work.mapper.schema, work.run.connections) as quarantine:
            rejecter = Rejecter(work.source, extract.pinned, work.mapper, quarantine)
            rejecter.lacking(lacking)
            if declared.unfit_values == "reject":
                kept = work.kept()
                rejecter.unfit(kept, plan.format, None if plan.run.release else most)
        if most is not None and quarantine.count > most:
            _too_many(work, quarantine, rows)
        if declared.unfit_values == "reject":
            work.keep(kept)
    work.update(rejected=quarantine.count, reasons=dict(quarantine.reasons), quarantine=quarantine.address)


def _too_many(work: FeedExtraction, quarantine: Quarantine, rows: int) -> None:
    declared = work.plan.export.rejects
    what = f"{quarantine.count:,} of {rows:,} rows cannot be delivered, but `rejects.max` is {declared.max}"
    (reason, count), *_ = quarantine.reasons.most_common(1)
    often = f"the most frequent reason ({count:,}): {reason}. The rows are in {quarantine.address}"
    judge(work.plan, declared.on_exceeded, f"{work.feed.name}: {what}; {often}", work.run.note)


REJECT = FeedStep("rejects", _describe, _reject)
