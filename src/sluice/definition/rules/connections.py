"""Rules of connections."""

from __future__ import annotations

from collections.abc import Iterator

from sluice.definition.errors.problem import Problem
from sluice.definition.models.connection import Connection
from sluice.definition.models.macros import no_macros, wrong_characters
from sluice.definition.rules.known import Known


def folder_fits_its_destination(connection: Connection, known: Known) -> Iterator[Problem]:  # noqa: ARG001
    target = connection.destination
    yield from no_macros(("folder",), target.folder, "a connection's")
    yield from wrong_characters(("folder",), target.folder, target.allowed, f"a destination of type {target.type}")
