"""A target accepts a limited number of files."""

from __future__ import annotations

from collections.abc import Iterator

from sluice.guardrails.bounds import lowest
from sluice.guardrails.facts import Facts
from sluice.guardrails.rule import RunGuardrail
from sluice.model.guardrail import Finding
from sluice.plan.model import Plan

_SPLIT = "raise `chunks.records` or `chunks.bytes` of the export, so that files are larger"


def _describe_run(plan: Plan) -> str | None:
    most = lowest(plan, "files_per_run")
    return f"the run is skipped if it has more than {most.value:,} files" if most else None


def _check_run(plan: Plan, facts: Facts) -> Iterator[Finding]:
    most, files = lowest(plan, "files_per_run"), sum(facts.files.values())
    if most is not None and files > most.value:
        what = f"the run has {files:,} files, but {most.whose} accepts {most.value:,} per run"
        yield Finding("skip", what, f"{_SPLIT}, or raise {most.change}")


def _describe_feed(plan: Plan) -> str | None:
    most = lowest(plan, "files_per_feed")
    return f"the run is skipped if a segment or dataset has more than {most.value:,} files" if most else None


def _check_feed(plan: Plan, facts: Facts) -> Iterator[Finding]:
    most = lowest(plan, "files_per_feed")
    for feed, files in facts.files.items():
        if most is not None and files > most.value:
            what = f"{feed} has {files:,} files, but {most.whose} accepts {most.value:,} per segment or dataset"
            yield Finding("skip", what, f"{_SPLIT}, or raise {most.change}")


RUN = RunGuardrail(
    name="files-per-run",
    stage="chunk",
    verdict="skip",
    says="A run has at most as many files as its target accepts.",
    source="Sluice",
    change="`limits.files_per_run` of the connection or of the project",
    example="limits: {files_per_run: 100}",
    describe=_describe_run,
    check=_check_run,
)
FEED = RunGuardrail(
    name="files-per-feed",
    stage="chunk",
    verdict="skip",
    says="A segment or dataset has at most as many files as its target accepts.",
    source="Customer Insights: each table is split into a maximum of five files when exported to an SFTP host",
    change="`limits.files_per_feed` of the connection or of the project",
    example="limits: {files_per_feed: 5}",
    describe=_describe_feed,
    check=_check_feed,
)
