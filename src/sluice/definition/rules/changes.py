"""Rules of exports with `mode: changes`: rows are compared by key."""

from __future__ import annotations

from collections.abc import Iterator

from sluice.definition.errors.problem import Problem
from sluice.definition.models.export import ExportBase, SegmentExport
from sluice.definition.rules.exports import datasets_of
from sluice.definition.rules.known import Known
from sluice.model.change import COLUMN


def rows_have_a_key(export: ExportBase, known: Known) -> Iterator[Problem]:
    """The key of an event dataset identifies the entity, so many events share it."""
    for feed, dataset in datasets_of(export, known):
        if dataset.kind == "event" and export.mode_of(feed.name) == "changes":
            what = f"`{feed.name}` contains events, and many events share one key: `mode: changes` cannot compare them"
            yield Problem(feed.path, what, "deliver events with `mode: incremental`")


def keys_are_delivered(export: ExportBase, known: Known) -> Iterator[Problem]:
    """For a removed row, only the key can be delivered."""
    if not _by_key(export) or not isinstance(export, SegmentExport):
        return
    sent = {field.field for field in export.fields}
    for key in sorted({dataset.key for _, dataset in datasets_of(export, known)} - sent):
        what = f"the key `{key}` is not in `fields`, so a consumer could not identify removed rows"
        yield Problem(("fields",), what, f"add `{key}`, under any name", key=True)
    for index, field in enumerate(export.fields):
        if field.output.lower() == COLUMN:
            what = f"`{COLUMN}` is reserved for the column that says how a row changed"
            yield Problem(("fields", index), what, "rename the field with `as`")


def _by_key(export: ExportBase) -> bool:
    return getattr(export, "mode", "full") == "changes"
