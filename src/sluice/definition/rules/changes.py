"""Rules of exports with `mode: changes`: rows are compared by key."""

from __future__ import annotations

from collections.abc import Iterator

from sluice.definition.errors.problem import Problem
from sluice.definition.models.export import ExportBase, SegmentExport
from sluice.definition.rules.exports import datasets_of
from sluice.definition.rules.known import Known
from sluice.model.change import COLUMN


def rows_have_a_key(export: ExportBase, known: Known) -> Iterator[Problem]:
    """Of events, a dataset's key names the entity, and many events have the same one."""
    for feed, dataset in datasets_of(export, known) if _by_key(export) else ():
        if dataset.kind == "event":
            what = f"`{feed.name}` holds events, whose key is not their own: what has changed cannot be told"
            yield Problem(feed.path, what, "deliver events by `mode: incremental`")


def keys_are_delivered(export: ExportBase, known: Known) -> Iterator[Problem]:
    """Of a row that was removed, the key is all there is to deliver."""
    if not _by_key(export) or not isinstance(export, SegmentExport):
        return
    sent = {field.field for field in export.fields}
    for key in sorted({dataset.key for _, dataset in datasets_of(export, known)} - sent):
        what = f"the key `{key}` is not among the fields: nobody could say which rows are removed"
        yield Problem(("fields",), what, f"add `{key}`, under any name", key=True)
    for index, field in enumerate(export.fields):
        if field.output.lower() == COLUMN:
            what = f"`{COLUMN}` is the column that says what has become of a row"
            yield Problem(("fields", index), what, "give the field another name by `as`")


def _by_key(export: ExportBase) -> bool:
    return getattr(export, "mode", "full") == "changes"
