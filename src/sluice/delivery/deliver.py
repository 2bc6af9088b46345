"""Deliver: every step of a run in this process, for a first try and for continuous integration.

The same steps, logs and promise as in Airflow, which has no part in it: nothing waits for a refresh and nothing is
retried. The segments that the run reads are evaluated first.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime

from sluice.definition.models.project import Project
from sluice.delivery.abort import abort
from sluice.delivery.chunk import chunk
from sluice.delivery.commit.watermark import NoWatermarks
from sluice.delivery.extract import extract
from sluice.delivery.preview import needed
from sluice.delivery.publish.publish import publish
from sluice.delivery.report.report import Report
from sluice.delivery.staging import StagedRun
from sluice.delivery.upload.receipts import NoReceipts
from sluice.delivery.upload.upload import upload
from sluice.errors import SluiceError
from sluice.model.access import Connections
from sluice.plan.model import Plan
from sluice.refresh.evaluate import evaluate_segment

Say = Callable[[str], None]


def deliver(
    project: Project, plan: Plan, connections: Connections, clock: Callable[[], datetime], say: Say
) -> Report | None:
    """Evaluate, extract, chunk, upload and publish; None for a dry run, which sends nothing. `say` hears of each step.

    Whatever stops it after `extract`, an interrupt included, removes what was sent. Raises what the steps raise.
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
        return publish(staged, connections, NoWatermarks(), clock())
    except BaseException:
        say(_aborted(staged, connections, clock()))
        raise


def _aborted(staged: StagedRun, connections: Connections, now: datetime) -> str:
    """Remove what was sent; what came of it. If that fails too, the first failure is still the one to read."""
    try:
        done = abort(staged, connections, now)
    except SluiceError as failed:
        export = staged.folder.split("/")[-2]
        return f"its parts could not be removed: {failed.what}\n  next: `sluice clean {export}` removes them"
    if done.published:
        return "published all the same"
    if done.unfinished:
        return f"decided, and not published yet: the next run writes its manifest\n{done.unfinished}"
    return f"not published: {done.removed} parts removed"
