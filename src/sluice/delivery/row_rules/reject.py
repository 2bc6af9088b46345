"""Reject: move the rows of a feed that cannot be delivered to its quarantine file.

Deduplication comes first, so a rejected row is never replaced by an older row with its key.
"""

from __future__ import annotations

from sluice.definition.models.rows import allowed
from sluice.delivery.extraction import Extraction, FeedExtraction, FeedStep
from sluice.delivery.row_rules.quarantine import Quarantine
from sluice.delivery.row_rules.rejecter import Rejecter
from sluice.delivery.rows.extracted import FeedExtract
from sluice.errors import about
from sluice.plan.model import Feed, Plan
from sluice.sources.row_set import RowSet


def _describe(plan: Plan, feed: Feed) -> str | None:
    required = [spec.output for spec in feed.fields or () if spec.required]
    rows = [f"rows without {' or '.join(required)}"] if required else []
    rows += [f"rows with a value that {plan.format.type} cannot hold"] if plan.rejects_unfit else []
    if plan.rejects_unfit and (
        repeats := plan.format.repeats([one.output for one in feed.fields or ()] or [feed.member])
    ):
        rows.append(f"rows beyond {repeats.most} with the same `{repeats.column}`")
    return f"moves {' and '.join(rows)} to the quarantine file" if rows else None


def _reject(work: FeedExtraction) -> None:
    """Stops early if more rows are rejected than `rejects.max` allows: a guardrail ends the run then."""
    plan, extract, declared = work.plan, work.extract, work.plan.export.rejects
    lacking = work.lacking or RowSet(extract.pinned.slices)
    rows = extract.records + len(lacking)
    most = None if declared.max is None else allowed(declared.max, rows)
    with about("exports", plan.export.name):
        with Quarantine(plan, work.feed, work.mapper.schema, work.run.connections) as quarantine:
            rejecter = Rejecter(work.source, extract.pinned, work.mapper, quarantine)
            rejecter.lacking(lacking)
            if plan.rejects_unfit:
                kept = work.kept()
                rejecter.unfit(kept, plan.format, None if plan.run.release else most)
                if repeats := plan.format.repeats(work.mapper.schema.names):
                    rejecter.repeated(kept, repeats.column, repeats.most)
        if plan.rejects_unfit:
            work.keep(kept)
    work.update(rejected=quarantine.count, reasons=dict(quarantine.reasons), quarantine=quarantine.address)


REJECT = FeedStep("rejects", _describe, _reject)


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
