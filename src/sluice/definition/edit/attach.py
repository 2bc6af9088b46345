"""Detaches exports from their connections and attaches them again, by changing their files."""

from __future__ import annotations

from collections.abc import Sequence

from sluice.definition.declarations import Declarations
from sluice.definition.edit.key import put, take_out
from sluice.definition.edit.store import stored_in
from sluice.definition.edit.write import Draft
from sluice.definition.yaml.parse import parse


def detaching(declared: Declarations, names: Sequence[str]) -> list[Draft]:
    """The drafts that take the connection away, for the exports that have one. If `project.yaml` has a default
    connection, the export gets an empty one, which overrides it.

    Raises `DefinitionError` if an export is unknown or cannot be edited. It may be broken: a connection that no longer
    exists can be taken away, too."""
    return [draft for name in dict.fromkeys(names) for draft in _drafts(declared, name, "")]


def attaching(declared: Declarations, name: str, connection: str) -> list[Draft]:
    """The drafts that give an export a connection. Empty if it has that one already. Raises `DefinitionError` if either
    is unknown, or if the export cannot be edited."""
    stored_in(declared, "connection", connection)
    return _drafts(declared, name, connection)


def _drafts(declared: Declarations, name: str, connection: str) -> list[Draft]:
    stored, settings = stored_in(declared, "export", name), declared.settings
    file = str(stored.path)
    if settings.fill(parse(stored.body, file).value).get("connection", "") == connection:
        return []
    if connection or "connection" in settings.defaults:
        return [Draft(stored.path, stored.body, put(stored.body, file, "connection", connection, after="kind"))]
    return [Draft(stored.path, stored.body, take_out(stored.body, file, "connection"))]
