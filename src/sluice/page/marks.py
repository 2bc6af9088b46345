"""The watermark of an export: shown, and moved by an administrator."""

from __future__ import annotations

import json
import logging
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from pydantic import ValidationError

from sluice.access.actor import Actor
from sluice.access.audit import Text
from sluice.access.editor import perform
from sluice.airflow.rest import Rest
from sluice.airflow.watermark import KEY, watermark_asset
from sluice.delivery.commit.moving import Feeds, feeds_of, last_claim, move_watermark
from sluice.delivery.commit.watermark import SMALL, Watermark
from sluice.errors import DefinitionError, SluiceError
from sluice.page.world import World
from sluice.plan.model import Plan
from sluice.plan.requested import plan_of
from sluice.sources.position import Position

log = logging.getLogger(__name__)


def mark_of(world: World, name: str) -> dict[str, Any]:
    """The watermark's value, the positions in words, and whether the export has one at all."""
    plan = _plan(world, name)
    found = feeds_of(last_claim(plan, world.connections)) if plan.follows else None
    return {
        "value": _values(found),
        "text": {feed: f"{one.by}: {_words(one)}" for feed, one in (found or {}).items()},
        "incremental": plan.follows,
    }


def move(
    world: World, actor: Actor, rest: Rest, name: str, value: Mapping[str, Any] | None, seen: Mapping[str, Any] | None
) -> None:
    """Set the watermark. Raises `DefinitionError` for a value that is not one."""
    plan = _plan(world, name)
    if not plan.follows:
        raise DefinitionError(f"{name} delivers everything: it has no watermark", next_step="nothing")
    feeds, known = _feeds(plan, value), _feeds(plan, seen, known=True)
    by, now = actor.name, datetime.now(UTC)
    texts = [Text(file=f"watermark of {name}", before=_text(seen), after=_text(value))]
    new = perform(
        actor,
        "set-watermark",
        [world.subject("export", name)],
        lambda: move_watermark(plan, feeds, known, world.connections, by, now),
        world.audit,
        texts,
    )
    _copy(rest, name, new)


def _plan(world: World, name: str) -> Plan:
    return plan_of(world.project, world.export(name), {}, "watermark", datetime.now(UTC))


def _feeds(plan: Plan, value: Mapping[str, Any] | None, *, known: bool = False) -> Feeds | None:
    if value is None:
        return None
    names = [feed.name for feed in plan.feeds]
    try:
        feeds = {feed: Position.model_validate(one) for feed, one in value.items()}
    except ValidationError as bad:
        what = f"this is not a watermark: {bad.errors()[0]['msg']}"
        raise DefinitionError(what, next_step="change the values of the watermark that is shown") from None
    strange = [] if known else [feed for feed in feeds if feed not in names]
    if strange:
        raise DefinitionError(
            f"{plan.export.name} has no feed {strange[0]}", known=names, next_step="use the names of its feeds"
        )
    return feeds


def _values(feeds: Feeds | None) -> dict[str, Any] | None:
    return None if feeds is None else {feed: one.model_dump(mode="json") for feed, one in feeds.items()}


def _words(position: Position) -> str:
    return position.at or (f"{len(position.units):,} files" if position.units else "nothing yet")


def _text(value: Mapping[str, Any] | None) -> str:
    return "null\n" if value is None else json.dumps(value, indent=1, sort_keys=True) + "\n"


def _copy(rest: Rest, export: str, watermark: Watermark | None) -> None:
    """Update Airflow's copy, which reveals that staging was lost. The log in staging decides, so a failure is only
    logged."""
    name = watermark_asset(export).name
    try:
        found = rest.get("assets", name_pattern=name, limit=100)["assets"]
        asset = next((one["id"] for one in found if one["name"] == name), None)
        if asset is None:
            return
        path = f"/api/v2/assets/{asset}/state-store/{KEY}"
        if watermark is None:
            rest.send("DELETE", path, None)
            return
        value = watermark.model_dump(mode="json")
        if len(watermark.model_dump_json()) > SMALL:
            value |= {"feeds": {}, "staged": f"log/{watermark.number:08d}/entry.json"}
        rest.send("PUT", path, {"value": value})
    except SluiceError as error:
        log.warning("Airflow's copy of the watermark of %s was not changed: %s", export, error.what)
