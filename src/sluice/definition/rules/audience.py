"""Rules of exports to connections with `audience_manager`."""

from __future__ import annotations

from collections.abc import Iterator

from sluice.definition.errors.problem import Problem, unknown
from sluice.definition.models.export import ExportBase, SegmentExport
from sluice.definition.rules.exports import connection_of
from sluice.definition.rules.known import Known


def audience_is_declared(export: ExportBase, known: Known) -> Iterator[Problem]:
    """Exactly if the connection has an account in Audience Manager."""
    connection = connection_of(export, known)
    if connection is None or not isinstance(export, SegmentExport):
        return
    if connection.audience_manager and export.audience is None:
        what = f"the connection `{connection.name}` delivers to Audience Manager, but the export does not say which"
        advice = 'add `audience: {id: "12345", visitor_id: FIELD}`'
        yield Problem(("connection",), f"{what} segment it is for there", advice)
    if export.audience and not connection.audience_manager:
        what = f"the connection `{connection.name}` does not deliver to Audience Manager"
        yield Problem(("audience",), what, "add `audience_manager` to the connection, or delete the key", key=True)


def audience_is_of_one_segment(export: ExportBase, known: Known) -> Iterator[Problem]:  # noqa: ARG001
    if isinstance(export, SegmentExport) and export.audience and len(export.segments) > 1:
        what = "the export has several segments, but `audience` is one segment in Audience Manager"
        yield Problem(("segments", 1), what, "deliver each segment with its own export")


def visitor_id_is_delivered(export: ExportBase, known: Known) -> Iterator[Problem]:  # noqa: ARG001
    if isinstance(export, SegmentExport) and export.audience:
        sent, name = [field.output for field in export.fields], export.audience.visitor_id
        if name not in sent:
            what = f"the export does not send the field `{name}`"
            yield unknown(("audience", "visitor_id"), name, sent, what, f"add {{field: ..., as: {name}}} to `fields`")
