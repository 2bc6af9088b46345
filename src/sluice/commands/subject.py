"""`sluice subject`: which deliveries held a person."""

from __future__ import annotations

import sys
from argparse import Namespace
from collections.abc import Iterator
from datetime import UTC, datetime

from sluice.access.actor import shell
from sluice.access.editor import perform
from sluice.access.may import PROJECT
from sluice.airflow.connections import AirflowConnections
from sluice.commands.editing import audit_of
from sluice.commands.table import table
from sluice.definition.declarations import Declarations
from sluice.definition.models.project import Settings
from sluice.delivery.subjects.record import Held
from sluice.errors import DefinitionError
from sluice.runs.index import Index

HEAD = ("published (UTC)", "export", "feed", "connection", "mode", "run", "manifest")
_NOT_SENT = ("failed", "cancelled", "skipped", "held")


def subject(args: Namespace) -> int:
    """Print the deliveries of the last days that held a key. The search is in the audit log; the key is not. Returns
    0."""
    from sluice.delivery.subjects.search import search

    if args.days < 1:
        args.error("--days must be at least 1")
    declared = Declarations(args.include)
    if declared.settings.errors:
        raise declared.settings.errors[0]
    settings, connections, now = declared.settings.settings, AirflowConnections(), datetime.now(UTC)
    if args.dataset and not declared.has("dataset", args.dataset):
        known = sorted(declared.names("dataset"))
        raise DefinitionError(f"no dataset is named `{args.dataset}`", known=known, next_step="name a declared dataset")
    key = sys.stdin.readline().rstrip("\r\n") if args.key == "-" else args.key

    def found() -> list[Held]:
        return list(search(key, settings.staging, settings.subjects, connections, now, args.days))

    held = perform(shell(), "search-subject", [PROJECT], found, audit_of(args.include))
    held = [one for one in held if not args.dataset or one.dataset == args.dataset]
    held = list(_visible(held, settings, connections))
    if args.json:
        for one in held:
            print(one.model_dump_json(exclude={"hash"}))
    elif held:
        print(table([HEAD, *map(_row, held)]))
    else:
        print(f"no delivery of the last {args.days} days held this key")
    return 0


def _visible(held: list[Held], settings: Settings, connections: AirflowConnections) -> Iterator[Held]:
    """Without those of runs that ended before they were published."""
    index = Index.of(settings.staging, connections)
    index.refresh()
    for one in held:
        record = index.find(one.export, one.run)
        if record is None or record.outcome not in _NOT_SENT:
            yield one


def _row(one: Held) -> tuple[str, ...]:
    return (f"{one.at:%Y-%m-%d %H:%M}", one.export, one.feed, one.connection, one.mode, one.run, one.manifest)
