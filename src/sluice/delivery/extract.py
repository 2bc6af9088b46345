"""Extract: check the plan against the data, choose the rows, and pin what the run will read."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from sluice.delivery.commit.watermark import Watermarks
from sluice.delivery.extraction import Extraction, FeedExtraction, FeedStep
from sluice.delivery.incremental.beginning import begin
from sluice.delivery.row_rules.reject import warn_of_rejects
from sluice.delivery.rows.extracted import Extracted, FeedExtract
from sluice.delivery.rows.opened import source_of
from sluice.delivery.safety import warnings_of
from sluice.delivery.staging import StagedRun
from sluice.delivery.step import noting
from sluice.delivery.steps import steps_of
from sluice.errors import about
from sluice.memory import use
from sluice.model.access import Connections
from sluice.plan.model import Feed, Plan


def extract(plan: Plan, connections: Connections, watermarks: Watermarks, now: datetime) -> Extracted:
    """Pin every feed of the plan: of an incremental export, what was added since the last published delivery. Nothing
    reaches the destination.

    A run that was extracted under the same declarations keeps what it has pinned, as long as that can be read: a
    retry, or a cleared task, reads the same rows. Raises `DefinitionError` if the declarations do not fit the data,
    `FatalError` if the data is missing or broken, or not as the export expects it, and `Skipped` if a segment exceeds
    the target's limit, or there are no records and the export skips such runs.
    """
    use(plan.memory, engine=True)
    staged = StagedRun.of(plan).known(connections)
    stage, steps = staged.open(connections), steps_of(plan)
    with noting(stage, "extract") as note:
        run = Extraction(plan, stage, connections, now, note)
        for step in steps.first:
            step.apply(run)
        read = [plan.staging.airflow_conn_id, *(feed.dataset.source.airflow_conn_id for feed in plan.feeds)]
        note.warn_all(warnings_of(read, connections))
        run.basis = begin(plan, stage, connections, watermarks)
        for feed in plan.feeds:
            run.extracts.append(_extracted(run, feed, steps.feeds[feed.name]))
        warn_of_rejects(run)
        for step in steps.last:
            step.apply(run)
    return Extracted(
        export=plan.export.name,
        airflow_conn_id=staged.airflow_conn_id,
        folder=staged.folder,
        identity=staged.identity,
        written_at=staged.written_at,
        records=sum(one.records for one in run.extracts),
        rejected=sum(one.rejected for one in run.extracts),
        duplicates=sum(one.duplicates for one in run.extracts),
        feeds={one.feed: one.records for one in run.extracts},
        dry_run=plan.run.dry_run,
    )


def _extracted(run: Extraction, feed: Feed, steps: Sequence[FeedStep]) -> FeedExtract:
    """The feed as an earlier attempt has pinned it, if that can still be read; otherwise the result of the steps."""
    with about("datasets", feed.dataset.name):
        work = FeedExtraction(run, feed, feed.dataset.source.open(run.connections, dataset=feed.dataset.name))
        before = run.stage.find(f"extract/{feed.name}", FeedExtract)
        if (
            before is not None
            and before.salted == work.salts.fingerprint
            and source_of(feed, before, run.connections).intact(before.pinned)
        ):
            return before
    for step in steps:
        step.apply(work)
    work.update(declared=run.plan.definition_hash, salted=work.salts.fingerprint)
    run.stage.write(f"extract/{feed.name}", work.extract)
    return work.extract
