"""`sluice schedule`: change the schedules in exports' files."""

from __future__ import annotations

import sys
from argparse import Namespace
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from sluice.definition.edit.reschedule import Change
    from sluice.definition.edit.write import Draft
    from sluice.errors import DefinitionError

_NAMED = 5
"""The number of feeds that a note names."""
_RULES = ("with_refresh", "every", "daily", "weekly", "monthly", "cron", "once", "after")


def schedule(args: Namespace) -> int:
    """Give exports a schedule, or switch their schedules on or off, and print the diff. The whole project is checked
    first, and nothing is written if it would be invalid."""
    from sluice.definition.edit.reschedule import drafts

    if not args.exports:
        args.error("name exports")
    found = drafts(args.include, args.exports, _change(args))
    warnings = _warnings(args.include, found) if args.dry_run or not found else _write(args.include, found)
    for draft in found:
        sys.stdout.write(draft.difference())
    for note in _shared(args.include, found):
        print(f"note: {note}", file=sys.stderr)
    for warning in warnings:
        print(f"warning: {warning.page()}", file=sys.stderr)
    if args.dry_run:
        return 0
    same = len(dict.fromkeys(args.exports)) - len(found)
    print(f"{len(found)} written{f', {same} unchanged' if same else ''}")
    return 0


def _shared(include: Path, found: Sequence[Draft]) -> Iterator[str]:
    """A sentence about each changed export of several feeds."""
    from sluice.definition.declarations import Declarations
    from sluice.definition.references import feeds

    declared = Declarations(include)
    for draft in found:
        names = [feed.name for feed in feeds(declared.get("export", draft.path.stem))]
        if len(names) > 1:
            named = ", ".join(names[:_NAMED]) + (f", ... and {len(names) - _NAMED} more" if len(names) > _NAMED else "")
            yield f"{draft.path.stem} has {len(names)} feeds, and the change applies to all of them: {named}"


def _warnings(include: Path, found: Sequence[Draft]) -> tuple[DefinitionError, ...]:
    from sluice.definition.edit.write import check

    return check(include, found)


def _write(include: Path, found: Sequence[Draft]) -> tuple[DefinitionError, ...]:
    from sluice.commands.editing import change

    names = ", ".join(draft.path.stem for draft in found)
    return change(include, "schedule-export", found, f"Schedule {names}").warnings


def _change(args: Namespace) -> Change:
    from sluice.definition.edit.reschedule import STAYS, Change

    given = [name for name in _RULES if getattr(args, name)]
    belongs = {key: getattr(args, key) for key in ("at", "after_refresh", "timezone") if getattr(args, key)}
    limits = {key: getattr(args, key) for key in STAYS if getattr(args, key)}
    switch = {"--on": args.on, "--off": args.off, "--keep": args.keep}
    if len(given) > 1 or ((args.on or args.keep) and args.off):
        args.error("these contradict each other: " + ", ".join(_flags(given) if len(given) > 1 else switch))
    if args.keep and (given or belongs or limits):
        args.error("--keep keeps each export's own schedule: use it without another schedule")
    if belongs and not given:
        args.error(f"{_flags(belongs)[0]} belongs to a schedule: add one, such as --daily 06:00")
    if not (given or limits or any(switch.values())):
        args.error("name a change, such as --daily 06:00, --keep or --off")
    enabled = False if args.off else True if given or args.on or args.keep else None
    return Change({**_rule(args, given[0]), **belongs} if given else {}, limits, enabled)


def _rule(args: Namespace, name: str) -> dict[str, Any]:
    """The schedule as in a declaration."""
    if name == "with_refresh":
        return {"after": "system_refresh"}
    value = getattr(args, name)
    return {name: None if value == "now" else list(value) if name == "weekly" else value}


def _flags(names: Any) -> list[str]:
    return [f"--{name.replace('_', '-')}" for name in names]
