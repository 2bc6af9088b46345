"""The timeline of an export: its runs, changes of its data's schema, notices, and what people did with it."""

from __future__ import annotations

import difflib
import time
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Literal

from pydantic import BaseModel

from sluice.access.audit import Entry
from sluice.alerts.outbox import Outbox
from sluice.delivery.report.schemas import Schemas
from sluice.overview.row import status_of
from sluice.page.world import World
from sluice.runs.record import Record

PATIENCE = 2.0
"""Seconds after which no more entries of the audit log are read for one answer."""
ASTRAY = 50
"""Entries of the audit log that may be out of order."""
_DID: Mapping[str, str] = {
    "create-export": "created the export",
    "edit-export": "changed the export",
    "duplicate-export": "duplicated the export",
    "rename-export": "renamed the export",
    "schedule-export": "changed the schedule",
    "detach-export": "detached the connection",
    "remove-export": "removed the export",
    "run-export": "started a run",
    "cancel-run": "cancelled a run",
    "release-run": "released a held run",
    "resend-run": "sent an earlier delivery again",
    "backfill-export": "started a backfill",
    "verify-delivery": "started to verify a delivery",
    "set-watermark": "changed the watermark",
}
"""What a verb of the audit log means, in the past tense."""
_ENDED: Mapping[str, str] = {
    "skipped": "Skipped",
    "held": "Held",
    "cancelled": "Cancelled",
    "failed": "Failed",
    "verified": "Verified a delivery",
    "differs": "A delivery differs from its manifest",
    "unverified": "A delivery could not be verified",
}


class Event(BaseModel):
    """One entry of an export's timeline."""

    at: datetime
    kind: Literal["run", "edit", "action", "held", "released", "alert", "schema"]
    title: str
    """In a few words: *Delivered 1,204 records in 3 files*, *ann changed the schedule*."""
    detail: str = ""
    """The reason, or the diff of an edit."""
    status: str = ""
    """Of a run."""
    run: str = ""
    actor: str = ""


class Timeline(BaseModel):
    """Events, newest first."""

    events: list[Event]
    more: bool
    """Whether there are, or may be, older ones."""
    before: datetime | None = None
    """Ask for those before this moment then. There may be older ones even if there are no events."""


def timeline_of(world: World, name: str, before: datetime | None, limit: int) -> Timeline:
    """What happened to an export before a moment. The audit log is shared by all exports and may be long, so it is read
    for some seconds only."""
    world.index.refresh()
    moment = before or datetime.max.replace(tzinfo=UTC)
    runs = [of_run(record) for record in world.index.ended_before(name, moment, limit + 1)]
    done, cut = _entries(world, name, before, limit + 1)
    others = [one for one in (*_alerts(world, name), *_schemas(world, name)) if before is None or one.at < before]
    known = [event for event in (*runs, *done, *others) if cut is None or event.at >= cut]
    found = sorted(known, key=lambda event: event.at, reverse=True)
    if len(found) > limit:
        return Timeline(events=found[:limit], more=True, before=found[limit - 1].at)
    return Timeline(events=found, more=cut is not None, before=cut)


def _entries(world: World, name: str, before: datetime | None, limit: int) -> tuple[list[Event], datetime | None]:
    """The newest entries about an export. If the time was up before all were read: the moment down to which they are
    complete."""
    found: list[Event] = []
    until = time.monotonic() + PATIENCE
    top = world.audit.number_at(before) + ASTRAY if before else None
    for _, entry in world.audit.newest(before=top):
        if entry.concerns(f"export {name}") and (before is None or entry.at < before):
            found.append(of_entry(entry))
        if len(found) >= limit:
            break
        if time.monotonic() > until and (before is None or entry.at < before):
            return found, entry.at
    return found, None


def _alerts(world: World, name: str) -> list[Event]:
    """The notices that receivers got."""
    notified = Outbox.of(world.settings.staging, name, world.connections).notified()
    return [
        Event(at=one.at, kind="alert", title=f"Notified {one.to}", detail=one.subject, run=one.run_id)
        for one in notified.history
    ]


def _schemas(world: World, name: str) -> list[Event]:
    """The changes of schemas that deliveries have noticed."""
    return [
        Event(at=one.at, kind="schema", title="The schema changed", detail="\n".join(one.changes), run=one.run)
        for one in Schemas.of(world.settings.staging, name, world.connections).last().history
    ]


def of_run(record: Record) -> Event:
    """The end of a run."""
    title = _ENDED.get(record.outcome, "Ended, with an unknown outcome")
    if record.outcome == "published":
        title = f"Delivered {_count(record.records, 'record')} in {_count(record.files, 'file')}"
    return Event(
        at=record.ended,
        kind="held" if record.outcome == "held" else "run",
        title=title,
        detail=record.why,
        status=status_of(record.outcome),
        run=record.run,
    )


def of_entry(entry: Entry) -> Event:
    """An action of a person."""
    did = _DID.get(entry.verb, entry.verb.replace("-", " "))
    title = f"{entry.actor} {did}"
    if entry.outcome != "done":
        title = f"{entry.actor} tried, without success: {entry.verb.replace('-', ' ')}"
    kind: Literal["edit", "action", "released"] = "edit" if entry.texts else "action"
    if entry.verb == "release-run" and entry.outcome == "done":
        kind = "released"
    detail = entry.why or "\n".join(diff for text in entry.texts if (diff := _diff(text.file, text.before, text.after)))
    return Event(at=entry.at, kind=kind, title=title, detail=detail, actor=entry.actor)


def _diff(file: str, before: str | None, after: str | None) -> str:
    old, new = ((text or "").splitlines() for text in (before, after))
    return "\n".join(difflib.unified_diff(old, new, f"a/{file}", f"b/{file}", lineterm="", n=2))


def _count(number: int, noun: str) -> str:
    return f"{number:,} {noun}" if number == 1 else f"{number:,} {noun}s"
