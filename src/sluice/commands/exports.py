"""`sluice duplicate`, `rename`, `remove`, `detach` and `attach`: exports as files."""

from __future__ import annotations

import sys
from argparse import Namespace
from collections.abc import Sequence

from sluice.commands.editing import change
from sluice.definition.declarations import Declarations
from sluice.definition.edit.attach import attaching, detaching
from sluice.definition.edit.duplicate import duplicating
from sluice.definition.edit.opened import open_store
from sluice.definition.edit.write import Draft, check


def duplicate(args: Namespace) -> int:
    """Create an export from another one. The copy is switched off: with the same schedule and the same folder, it would
    deliver everything a second time. Returns 0."""
    drafts = duplicating(open_store(args.include), args.export, args.new)
    done = f"{args.new} is a copy of {args.export}, and is switched off"
    return _change(args, "duplicate-export", drafts, done, f"change it, then run `sluice schedule {args.new} --on`")


def rename(args: Namespace) -> int:
    """Give an export another name. Returns 0."""
    store = open_store(args.include)
    drafts = store.renaming("export", args.export, args.new, store.get("export", args.export).tag)
    done = f"{args.export} is named {args.new}"
    next_step = "its watermark and its reports belong to the old name: the next incremental run delivers everything"
    return _change(args, "rename-export", drafts, done, next_step)


def remove(args: Namespace) -> int:
    """Remove an export's declaration. Returns 0."""
    store = open_store(args.include)
    drafts = store.removing("export", args.export, store.get("export", args.export).tag)
    done = f"{args.export} is removed"
    return _change(args, "remove-export", drafts, done, "its deliveries stay; its DAG disappears after a day")


def detach(args: Namespace) -> int:
    """Take exports' connections away: they stay, and do not run. Returns 0."""
    if not args.exports:
        args.error("name exports")
    names = list(dict.fromkeys(args.exports))
    drafts = detaching(Declarations(args.include), names)
    found = [draft.path.stem for draft in drafts]
    if same := [name for name in names if name not in found]:
        print(f"without a connection already: {', '.join(same)}")
    if not drafts:
        return 0
    done = f"{', '.join(found)}: detached"
    return _change(args, "detach-export", drafts, done, "no run starts until `sluice attach EXPORT CONNECTION`")


def attach(args: Namespace) -> int:
    """Give an export a connection: its first one, one after `detach`, or another one. Returns 0."""
    drafts = attaching(Declarations(args.include), args.export, args.connection)
    if not drafts:
        print(f"{args.export} has the connection {args.connection} already")
        return 0
    done = f"{args.export} has the connection {args.connection}"
    return _change(args, "edit-export", drafts, done, f"`sluice plan {args.export}` shows what its next run does")


def _change(args: Namespace, verb: str, drafts: Sequence[Draft], done: str, remark: str) -> int:
    warnings = check(args.include, drafts) if args.dry_run else change(args.include, verb, drafts, done).warnings
    for draft in drafts:
        sys.stdout.write(draft.difference())
    for warning in warnings:
        print(f"warning: {warning.page()}", file=sys.stderr)
    if not args.dry_run:
        print(f"{done}; {remark}")
    return 0
