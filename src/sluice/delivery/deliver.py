"""Deliver: run every step in this process, without Airflow, for a first delivery and for continuous integration.

The steps, logs and guarantees are the same as in Airflow, but nothing waits for a refresh and nothing is retried. The
segments that the run reads are evaluated first.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime

from sluice.definition.models.project import Project
from sluice.delivery.abort import abort
from sluice.delivery.chunk import chunk
from sluice.delivery.commit.watermark import NoWatermarks
from sluice.delivery.extract import extract
from sluice.delivery.follow_up.follow_up import follow_up
from sluice.delivery.preview import needed
from sluice.delivery.publish.publish import publish
from sluice.delivery.report.report import Report
from sluice.delivery.staging import StagedRun
from sluice.delivery.upload.receipts import NoReceipts
from sluice.delivery.upload.upload import upload
from sluice.errors import Skipped, SluiceError
from sluice.model.access import Connections
from sluice.plan.model import Plan
from sluice.refresh.evaluate import evaluate_segment

Say = Callable[[str], None]


def deliver(
    project: Project, plan: Plan, connections: Connections, clock: Callable[[], datetime], say: Say
) -> Report | None:
    """Evaluate, extract, chunk, upload and publish; None for a dry run, which sends nothing. `say` gets a line per
    step.

    If it is stopped after `extract`, by an error or an interrupt, it removes what was sent. Raises the steps' errors.
    """
    for name in needed(project, [feed.segment.name for feed in plan.feeds if feed.segment]):
        members = evaluate_segment(project, name, connections, plan.run.run_id, clock()).records
        say(f"segment {name}: {members:,} members")
    extracted = extract(plan, connections, NoWatermarks(), clock())
    say(f"extract: {extracted.records:,} records in {len(extracted.feeds)} feeds")
    staged = StagedRun.from_extracted(extracted.model_dump(mode="json"))
    try:
        shards = chunk(staged, connections, most=1)
        if plan.run.dry_run:
            return None
        for shard in shards:
            sent = upload(staged, shard, connections, NoReceipts(), lambda _: None)
            say(f"upload: {shard.label}: {sent.bytes:,} bytes")
        report = publish(staged, connections, NoWatermarks(), clock())
    except BaseException as error:
        why = error.what if isinstance(error, SluiceError) else "it was interrupted"
        say(_aborted(staged, connections, clock(), why))
        raise
    if plan.export.names.replaces:
        abort(staged, connections, clock())  # of a published run, it only records that nothing is left to do
    _follow(project, plan, staged, connections, say)
    return report


def _follow(project: Project, plan: Plan, staged: StagedRun, connections: Connections, say: Say) -> None:
    """Run the command that follows the delivery. Raises `FatalError` if it fails."""
    if plan.command is None:
        return
    try:
        done = follow_up(staged, project.settings.commands, connections, lambda line: say(f"follow_up: {line}"))
        say(f"follow_up: {done.command} succeeded in {done.seconds:,.1f} s")
    except Skipped as skipped:
        say(f"follow_up: skipped: {skipped.what}")


def _aborted(staged: StagedRun, connections: Connections, now: datetime, why: str) -> str:
    """Remove what was sent, and return the line that reports it. Raises nothing: the first error is the one to show."""
    try:
        done = abort(staged, connections, now, why=why)
    except SluiceError as failed:
        export = staged.folder.split("/")[-2]
        return f"its parts could not be removed: {failed.what}\n  next: `sluice clean {export}` removes them"
    if done.published:
        return "published nevertheless"
    if done.unfinished:
        return f"decided, but not finished yet: the next run continues\n{done.unfinished}"
    return f"not published: {done.removed} parts removed"
