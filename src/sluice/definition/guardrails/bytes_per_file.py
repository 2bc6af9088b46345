"""A target accepts files of a limited size."""

from __future__ import annotations

from collections.abc import Iterator

from sluice.definition.errors.problem import Problem
from sluice.definition.guardrails.rule import DeclarationGuardrail
from sluice.definition.models.export import ExportBase
from sluice.definition.models.limits import smallest
from sluice.definition.rules.exports import connection_of
from sluice.definition.rules.known import Known


def _rule(export: ExportBase, known: Known) -> Iterator[Problem]:
    connection, declared = connection_of(export, known), export.chunks.bytes
    if connection is None or declared is None:
        return
    most = smallest(connection.limits, known.project.limits)
    if most is not None and declared > most:
        own = connection.limits.bytes_per_file == most
        whose = f"connection {connection.name}" if own else "the project"
        what = f"files of at most {declared:,} bytes are declared, but {whose} accepts {most:,}: {most:,} are used"
        yield Problem(("chunks", "bytes"), what, "declare the size that is used, or delete the key")


RULE = DeclarationGuardrail(
    name="bytes-per-file",
    family="export",
    stage="check",
    verdict="inform",
    says="A file has at most as many bytes as its target accepts: `chunks.bytes` is lowered.",
    source="Sluice",
    change="`limits.bytes_per_file` of the connection or of the project; `guardrails.clipped_files` of the project"
    " changes the verdict",
    example="limits: {bytes_per_file: 100 MB}",
    setting="clipped_files",
    rule=_rule,
)
