"""`sluice discover`: dataset declarations for existing tables."""

from __future__ import annotations

import sys
from argparse import Namespace
from collections.abc import Iterable, Iterator
from pathlib import Path

from sluice.airflow.connections import AirflowConnections
from sluice.discovery.files import Unreadable, tables_in
from sluice.discovery.found import Found
from sluice.errors import FatalError
from sluice.model.access import SqlAccess

_CATALOG = Path("catalog") / "datasets.yaml"


def discover(args: Namespace) -> int:
    """Print a declaration for each table; with `--write`, add those that are not yet declared. Prints the error of a
    table that cannot be read, and returns 1 if there is one."""
    from sluice.definition.load import load

    project = load(args.include).project if args.include.is_dir() else None
    declared = {name: one.source for name, one in project.datasets.items()} if project else {}
    taken, new, unreadable = set(declared), [], 0
    for one in _tables(args.connection, args.path):
        if isinstance(one, Unreadable):
            unreadable += 1
            print(f"{one.path}: {one.error.page()}", file=sys.stderr)
        elif name := next((name for name, source in declared.items() if _is(source, one)), None):
            print(f"# {name} is already declared\n")
        else:
            own = next(name for name in _names(one.name) if name not in taken)
            taken.add(own)
            text = one.declaration(own)
            new.append(text)
            print(text, flush=True)
    if args.write and new:
        _write(args.include, new)
    return 1 if unreadable else 0


def _tables(conn_id: str, path: str | None) -> Iterable[Found | Unreadable]:
    connections = AirflowConnections()
    access = connections.get(conn_id)
    if isinstance(access, SqlAccess):
        from sluice.discovery.databases import tables_of

        return tables_of(connections, conn_id, access, path)
    if path is None:
        raise FatalError(
            f"the Airflow connection {conn_id} holds files: name the folder to search",
            next_step=f"`sluice discover {conn_id} PATH`; `.` means all; on S3, GCS and Azure start with the bucket",
        )
    return tables_in(connections, conn_id, "" if path == "." else path)


def _is(source: object, found: Found) -> bool:
    """Whether a declared source is the table that was found."""
    return all(str(getattr(source, key, "")).strip("/") == value for key, value in found.source.items())


def _names(name: str) -> Iterator[str]:
    yield name
    number = 2
    while True:
        yield f"{name[:95]}-{number}"
        number += 1


def _write(include: Path, new: list[str]) -> None:
    """Append the declarations to the catalog's file, if the whole project is valid with them."""
    from sluice.commands.editing import change
    from sluice.definition.edit.write import Draft, content

    path = include / _CATALOG
    before = content(path)
    end = b"" if not before or before.endswith(b"\n") else b"\n"
    draft = Draft(path, before, (before or b"") + end + "".join(new).encode())
    change(include, "edit-catalog", [draft], f"Add {len(new)} datasets")
    print(f"{len(new)} datasets added to {path}")
