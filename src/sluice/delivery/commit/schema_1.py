"""Migrate what the previous version has staged (schema 1): its unfinished runs continue, and its old runs are cleaned.

Schema 1 had no logs. A run was published once its manifest was at the destination. The watermark was only in Airflow,
and `announced/` in staging held the deliveries that were about to move it.
"""

from __future__ import annotations

from collections.abc import Callable

from pydantic import BaseModel, ConfigDict

from sluice.delivery.commit.commit import Intent
from sluice.delivery.commit.deliveries import Claim, Deliveries
from sluice.delivery.commit.run_log import Entry, RunLog
from sluice.delivery.commit.watermark import Watermark, Watermarks
from sluice.delivery.staging import Stage
from sluice.destinations.base import Destination
from sluice.errors import FatalError
from sluice.filesystem import Opened
from sluice.model.manifest import Manifest, render
from sluice.plan.model import Plan

_INTENT = "intent-of-schema-1"


class _Announced(BaseModel):
    """A delivery that was about to be published, or was published."""

    model_config = ConfigDict(frozen=True)

    manifest: str
    watermark: Watermark


def adopt(plan: Plan, stage: Stage, destination: Destination, log: RunLog) -> None:
    """Start the log of a run that schema 1 has staged, from its observable state. Does nothing if it has a log."""
    state = log.state()
    if state.act is not None or stage.find("plan", Plan) is None:
        return
    manifest = _published(plan, stage, destination)
    if manifest is None:
        log.append(state, Entry(act="open", by="schema-1"))
        return
    stage.write(_INTENT, Intent(manifest=manifest))
    # As the first entry: after a first entry `open`, another process could take the run for unpublished.
    log.append(state, Entry(act="published", by="schema-1", intent=_INTENT))


def _published(plan: Plan, stage: Stage, destination: Destination) -> str | None:
    staged = stage.find("manifest", Manifest)
    if staged is not None:
        return render(staged).decode()
    stays = plan.connection.destination.stays and not plan.run.dry_run
    if stays and destination.stat(plan.manifest) is not None:
        return b"".join(destination.read(plan.manifest)).decode()
    return None


def recall(
    plan: Plan, deliveries: Deliveries, watermarks: Watermarks, before: Opened, exists: Callable[[str], bool]
) -> Claim | None:
    """The export's last delivery. `before` is the folder of what outlives its runs; `exists` says whether a manifest is
    at the destination.

    Raises `FatalError` if Airflow knows of a later delivery than staging: then staging was lost. A run that delivers
    everything continues after the delivery that Airflow knows."""
    last = deliveries.last()
    if last is not None and last.watermark is None and plan.export.mode == "full":
        return last  # an export that delivers everything has no watermark to compare with
    value = watermarks.get(plan.export.name)
    known = None if value is None else Watermark.model_validate(value)
    if last is None:
        latest = _moved(None if known is None else _whole(known, before, plan), before, exists)
    elif known is None or known.number <= last.number:
        return last
    elif plan.mode == "full":
        latest = known
    else:
        raise _lost(plan, f"deliveries after number {last.number}; number {known.number} was published")
    if latest is not None:
        deliveries.adopt(latest)
    return deliveries.last()


def _whole(known: Watermark, before: Opened, plan: Plan) -> Watermark:
    """A watermark with its positions, which are in staging if they are large. A run that delivers everything does not
    need them."""
    if known.staged is None:
        return known
    body = before.find_bytes(known.staged)
    if body is None:
        if plan.mode == "full":
            return known
        raise _lost(plan, before.at(known.staged))
    kind = _Announced if known.staged.startswith("announced/") else Claim
    return kind.model_validate_json(body).watermark or known


def _moved(known: Watermark | None, before: Opened, exists: Callable[[str], bool]) -> Watermark | None:
    """The watermark of the last delivery. Schema 1 wrote the manifest before it moved the watermark, and a run may have
    died in between."""
    files = [file.name for file in before.list("announced") if file.name.endswith(".json")]
    bodies = [body for name in files if (body := before.find_bytes(name)) is not None]
    last = known.run if known else None
    for one in map(_Announced.model_validate_json, bodies):
        if one.watermark.previous == last != one.watermark.run and exists(one.manifest):
            return one.watermark
    return known


def _lost(plan: Plan, what: str) -> FatalError:
    return FatalError(
        f"staging has lost {what}: it is unknown how far {plan.export.name} was delivered",
        next_step="restore staging, or trigger a run with the mode `full`, which delivers everything",
    )
