"""Gives exports new schedules, by changing their files."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from sluice.definition.declarations import Declarations
from sluice.definition.edit.key import put
from sluice.definition.edit.write import Draft
from sluice.definition.errors.problem import either
from sluice.definition.load import find
from sluice.definition.models.schedule import RULES, SYSTEM_REFRESH
from sluice.definition.yaml.parse import read_bytes
from sluice.errors import DefinitionError

STAYS = ("start", "end", "stagger")
"""The keys of a schedule that a new rule keeps, unless they are also set."""
NONE = "none"
"""The value that removes one of these keys, or the time zone."""


@dataclass(frozen=True)
class Change:
    """A change of schedules: a new `rule`, new `limits`, or on and off. What is empty stays unchanged."""

    rule: dict[str, Any] = field(default_factory=dict)
    """The rule as in a declaration, `{daily: "06:00"}`, with the keys that belong to it. `{"after": "system_refresh"}`
    is `with-refresh`, `{"once": None}` is `once`."""
    limits: dict[str, str] = field(default_factory=dict)
    """`start`, `end` and `stagger`."""
    enabled: bool | None = None
    schedule: Any = None
    """The whole schedule as in a declaration, such as `{"daily": "06:00"}` or `"off"`. It replaces the old one with all
    of its keys."""

    def of(self, declared: Any) -> Any:
        """Apply the change to a declared schedule."""
        if self.schedule is not None:
            return self.schedule
        if not self.rule and not self.limits:
            return declared
        before = _in_full(declared)
        rule = dict(self.rule) or {key: value for key, value in before.items() if key not in STAYS}
        if "timezone" in before and not {"once", "after"} & rule.keys():
            rule.setdefault("timezone", before["timezone"])
        kept = {} if "once" in rule else {key: before[key] for key in STAYS if key in before}
        return _shortly({key: value for key, value in {**rule, **kept, **self.limits}.items() if value != NONE})


def drafts(folder: Path, names: Sequence[str], change: Change) -> list[Draft]:
    """The new content of these exports' files, for those that change. Raises `DefinitionError` if an export is unknown
    or broken, or has no schedule to switch on or limit."""
    declared, found = Declarations(folder), list[Draft]()
    for name in dict.fromkeys(names):
        found += rescheduling(declared, name, change)
    return found


def rescheduling(declared: Declarations, name: str, change: Change) -> list[Draft]:
    """The new content of one export's file, if it changes. Raises like `drafts`."""
    find(declared, name)
    declaration = declared.shelves["export"].get(name)
    assert declaration is not None  # noqa: S101 - it was found
    assert declaration.raw is not None  # noqa: S101 - and is sound
    own = declared.settings.fill(declaration.raw)
    schedule, enabled = own.get("schedule", "with-refresh"), own.get("enabled", True)
    wanted = change.of(schedule)
    if wanted in ("off", None) and change.schedule is None and (change.enabled or change.limits):
        raise DefinitionError(
            f"export {name} has no schedule",
            place=declared.place(declaration, ("schedule",)),
            next_step="give it one, such as --with-refresh, --every '6 hours' or --daily 06:00",
        )
    if isinstance(wanted, Mapping) and "once" in wanted and change.limits:
        what = f"export {name} runs once, so it cannot have {either(change.limits)}"
        raise DefinitionError(what, next_step="leave that option out")
    path = Path(declaration.file)
    before = after = read_bytes(path, declared.folder)
    if wanted != schedule:
        after = put(after, declaration.file, "schedule", wanted)
    if change.enabled not in (None, enabled):
        after = put(after, declaration.file, "enabled", change.enabled, after="schedule")
    return [Draft(path, before, after)] if after != before else []


def _in_full(declared: Any) -> dict[str, Any]:
    if isinstance(declared, Mapping):
        return dict(declared)
    words: dict[Any, dict[str, Any]] = {"with-refresh": {"after": SYSTEM_REFRESH}, "once": {"once": None}}
    return words.get(declared, {})


def _shortly(schedule: Mapping[str, Any]) -> Any:
    """The schedule as its short word, if it has one."""
    if schedule == {"after": SYSTEM_REFRESH}:
        return "with-refresh"
    if schedule == {"once": None}:
        return "once"
    return dict(schedule) if any(key in schedule for key in RULES) else "off"
