"""Audience Manager's part in a run: the segment is checked before any data is read; the trait and the folders are
found or created once everything else is known to be right."""

from __future__ import annotations

import logging
from typing import cast

from sluice.audience.prepare import check_segment, prepare
from sluice.audience.session import Session, opened
from sluice.definition.models.audience import Audience, AudienceManager
from sluice.definition.models.export import SegmentExport
from sluice.delivery.extraction import Extraction, RunStep
from sluice.errors import about
from sluice.model.access import Connections
from sluice.plan.model import Plan

log = logging.getLogger(__name__)


def audience_of(plan: Plan) -> Audience | None:
    """The segment in Audience Manager that the plan is for."""
    export = plan.export
    return export.audience if plan.connection.audience_manager and isinstance(export, SegmentExport) else None


def tried(declared: AudienceManager, connections: Connections, *, name: str) -> str:
    """Log in, and read the folders. Returns what was done."""
    with opened(declared, connections, name=name) as session:
        session.log_in()
        next(session.every("folders/traits", "list the folders of traits"), None)
        return f"logged in to Audience Manager at {session.origin.server}"


def _describe_check(plan: Plan) -> str | None:
    audience = audience_of(plan)
    if audience is None:
        return None
    if audience.id.startswith("ic:"):
        return "logs in to Audience Manager"
    return f"logs in to Audience Manager, and checks that it has the segment {audience.id}"


def _check(run: Extraction) -> None:
    plan, audience = run.plan, cast("Audience", audience_of(run.plan))
    declared = cast("AudienceManager", plan.connection.audience_manager)
    with opened(declared, run.connections, name=plan.connection.name) as session, about("exports", plan.export.name):
        check_segment(session, audience)


CHECK = RunStep("audience", _describe_check, _check)


def _describe_prepare(plan: Plan) -> str | None:
    audience, declared = audience_of(plan), plan.connection.audience_manager
    if audience is None or declared is None or plan.run.dry_run:
        return None
    names = [f"the folders {declared.data_provider}", f"the trait {audience.trait_of(declared.data_provider)}"]
    names += [f"the segment {audience.id}"] if audience.id.startswith("ic:") else []
    return f"finds or creates in Audience Manager: {', '.join(names)}"


def _prepare(run: Extraction) -> None:
    plan = run.plan
    declared = cast("AudienceManager", plan.connection.audience_manager)
    with opened(declared, run.connections, name=plan.connection.name) as session, about("exports", plan.export.name):
        _prepared(run, session, declared)


def _prepared(run: Extraction, session: Session, declared: AudienceManager) -> None:
    export = run.plan.export
    done = prepare(session, declared, cast("Audience", audience_of(run.plan)), export.title or export.name)
    for created in done.created:
        log.info("created in Audience Manager: %s", created)
    log.info("Audience Manager: segment %s, trait %s", done.segment, done.trait)
    run.note.warn_all(done.warnings)


PREPARE = RunStep("audience", _describe_prepare, _prepare)
