"""A target's profile has its own rules for paths and chunks."""

from __future__ import annotations

from collections.abc import Iterator

from sluice.definition.errors.problem import Problem
from sluice.definition.guardrails.rule import DeclarationGuardrail
from sluice.definition.models.chunks import clipped
from sluice.definition.models.connection import Connection
from sluice.definition.models.export import ExportBase, LogFolder
from sluice.definition.models.macros import FILE_MACROS, MACROS, expand, uses, wrong_characters
from sluice.definition.rules.exports import connection_of
from sluice.definition.rules.known import Known

_SOURCE = "Data Workbench: MMPExport.cfg"


def _path(export: ExportBase, known: Known) -> Iterator[Problem]:
    """Checks the templates and the connection's title. The other macros insert only valid names."""
    connection = connection_of(export, known)
    if connection is None or connection.rules.character is None:
        return
    allowed, whose = connection.rules.character, f"the profile `{connection.profile}`"
    trigger = export.names.trigger
    for key, template in (
        ("folder", export.folder),
        ("file", export.names.name),
        ("file", trigger.name if trigger else ""),
    ):
        plain = expand(template, dict.fromkeys(MACROS | FILE_MACROS, lambda pattern: pattern or "x"))
        yield from wrong_characters((key,), plain, allowed, whose)
        if uses(template, "DESTINATION_INSTANCE_NAME"):
            yield from wrong_characters((key,), connection.title, allowed, whose)
    yield from wrong_characters(("manifest", "folder"), export.manifest.folder or "", allowed, whose)
    if isinstance(export.log, LogFolder):
        yield from wrong_characters(("log", "folder"), export.log.folder, allowed, whose)


def _folder(connection: Connection, known: Known) -> Iterator[Problem]:  # noqa: ARG001
    if connection.rules.character is not None:
        whose = f"the profile `{connection.profile}`"
        yield from wrong_characters(("folder",), connection.destination.folder, connection.rules.character, whose)


def _chunks(export: ExportBase, known: Known) -> Iterator[Problem]:
    connection = connection_of(export, known)
    if connection is not None:
        for sentence in clipped(export.chunks, connection.rules):
            yield Problem(("chunks", "records"), sentence, "declare the number that is used, or delete the key")


FOLDER = DeclarationGuardrail(
    name="folder-characters",
    family="connection",
    stage="check",
    verdict="refuse",
    says="The folder of a connection has only characters that its profile allows.",
    source=_SOURCE,
    change="`profile` of the connection",
    example="profile: data-workbench",
    rule=_folder,
)
PATHS = DeclarationGuardrail(
    name="path-characters",
    family="export",
    stage="check",
    verdict="refuse",
    says="The folders and file names of an export have only characters that its target's profile allows.",
    source=_SOURCE,
    change="`profile` of the connection",
    example="profile: data-workbench",
    rule=_path,
)
CHUNKS = DeclarationGuardrail(
    name="clipped-chunks",
    family="export",
    stage="check",
    verdict="warn",
    says="A number of records per chunk that the target's profile does not allow is raised or lowered.",
    source=_SOURCE,
    change="`chunks.records` of the export; `guardrails.clipped_chunks` of the project changes the verdict",
    example="chunks: {records: 10000}",
    setting="clipped_chunks",
    rule=_chunks,
)
