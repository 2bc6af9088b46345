"""Rules of hand-overs."""

from __future__ import annotations

from collections.abc import Iterator

from sluice.definition.errors.problem import Problem
from sluice.definition.models.chunks import rules_of
from sluice.definition.models.connection import Connection
from sluice.definition.models.export import ExportBase
from sluice.definition.models.limits import smallest
from sluice.definition.rules.exports import connection_of
from sluice.definition.rules.known import Known
from sluice.formats.adobe_target import BYTES, ROWS, AdobeTarget


def files_can_be_read_back(connection: Connection, known: Known) -> Iterator[Problem]:  # noqa: ARG001
    """Files are handed over as they are at the destination."""
    if connection.hand_over is None:
        return
    if not connection.destination.stays:
        what = "files that are moved away as they arrive cannot be handed over"
        yield Problem(("hand_over",), what, "deliver to a place that keeps them", key=True)
    if connection.openpgp is not None:
        what = "Adobe Target cannot read encrypted files"
        yield Problem(("openpgp",), what, "delete `openpgp`, or `hand_over`", key=True)


def files_are_batches(export: ExportBase, known: Known) -> Iterator[Problem]:
    """What is handed over to Adobe Target is a batch file within its limits."""
    connection = connection_of(export, known)
    form = export.format or (connection.format if connection else None)
    if connection is None or not (connection.hand_over or isinstance(form, AdobeTarget)):
        return
    if not isinstance(form, AdobeTarget):
        what = f"the connection {connection.name} hands its files over to Adobe Target, but they are no batch files"
        yield Problem(("format",), what, "write `format: {type: adobe-target}`, here or in the connection")
        return
    rules = rules_of(export.chunks, connection.rules, smallest(connection.limits, known.project.limits))
    if rules.bytes is None or rules.bytes >= BYTES:
        what = f"a batch file of Adobe Target has less than {BYTES:,} bytes, but no smaller limit is declared"
        yield Problem(("chunks",), what, "add `chunks: {bytes: 49 MB, records: 500000}`, or a smaller limit")
    elif rules.records is None or rules.records > ROWS:
        what = f"a batch file of Adobe Target has at most {ROWS:,} rows, but no smaller limit is declared"
        yield Problem(("chunks",), what, f"add `records: {ROWS}` to `chunks`, or a smaller number")
