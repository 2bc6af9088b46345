"""Rules of exports with `over_limit: split`: a segment over its target's limit is delivered as several groups."""

from __future__ import annotations

import re
from collections.abc import Iterator

from sluice.definition.errors.problem import Problem
from sluice.definition.models.export import ExportBase, SegmentExport, may_split
from sluice.definition.models.macros import DEFAULT_FOLDERS, SEGMENT, uses
from sluice.definition.rules.exports import connection_of
from sluice.definition.rules.known import Known

_PATH = ("over_limit",)


def connection_takes_groups(export: ExportBase, known: Known) -> Iterator[Problem]:
    connection = connection_of(export, known)
    if may_split(export) and connection and not connection.split_segments:
        what = f"the connection `{connection.name}` does not say that its target takes a segment as several"
        advice = "delete the key; or, if the target does, add `split_segments: true` to the connection"
        yield Problem(_PATH, what, advice)


def groups_have_names(export: ExportBase, known: Known) -> Iterator[Problem]:  # noqa: ARG001
    """The names of groups are all that tells them apart."""
    template = f"{export.folder or DEFAULT_FOLDERS['segment-export']}/{export.names.name}"
    if may_split(export) and not any(uses(template, macro) for macro in SEGMENT):
        what = "a segment is split into groups, but neither `folder` nor `file` contains the segment's name"
        yield Problem(("folder",) if export.folder else _PATH, what, "add %SEGMENT_NAME% to one of them")


def groups_are_of_full_deliveries(export: ExportBase, known: Known) -> Iterator[Problem]:  # noqa: ARG001
    """A member may be in another group in the next delivery, so changes of one group mean nothing."""
    if may_split(export) and getattr(export, "mode", "full") == "changes":
        what = "with `mode: changes` a segment cannot be split: its members do not stay in one group"
        yield Problem(_PATH, what, "deliver `mode: full`, or delete the key")


def groups_are_named_like_no_segment(export: ExportBase, known: Known) -> Iterator[Problem]:
    """The target would take the second group of `senior` and the segment `senior-2` for one."""
    if not may_split(export) or not isinstance(export, SegmentExport):
        return
    for index, segment in enumerate(export.segments):
        group = re.compile(rf"{re.escape(segment)}-([2-9]|[1-9][0-9]+)")
        for rival in sorted(name for name in known.names("segment") if group.fullmatch(name)):
            if other := _delivering(rival, export, known):
                what = f"a group of `{segment}` would be named like the segment `{rival}`, which {other} delivers"
                advice = f"rename the segment `{rival}`, or deliver it to another connection"
                yield Problem(("segments", index), what, advice)


def _delivering(segment: str, export: ExportBase, known: Known) -> str:
    """The export that delivers the segment to the same connection; empty if there is none."""
    for name in sorted({export.name, *known.names("export")}):
        other = export if name == export.name else known.get("export", name)
        if isinstance(other, SegmentExport) and other.connection == export.connection and segment in other.segments:
            return "this export" if other is export else f"the export `{name}`"
    return ""


def something_can_be_split(export: ExportBase, known: Known) -> Iterator[Problem]:
    """Only a warning, because it depends on limits that may be changed at any time."""
    connection = connection_of(export, known)
    if not may_split(export) or connection is None:
        return
    limits = (connection.limits, known.project.limits)
    segment = min((one.records_per_segment for one in limits if one.records_per_segment), default=None)
    run = min((one.records_per_run for one in limits if one.records_per_run), default=None)
    if segment is None:
        what = f"no segment is ever split: neither `{connection.name}` nor the project has `records_per_segment`"
        yield Problem(_PATH, what, "add the limit to the connection, or delete the key")
    elif run is not None and run <= segment:
        what = (
            f"no segment is ever split: one may have {segment:,} records, and a run with more than {run:,} is skipped"
        )
        advice = f"raise `limits.records_per_run` of `{connection.name}` if the target accepts more, or delete the key"
        yield Problem(_PATH, what, advice)
