"""Rules of row rules: deduplication and expected numbers."""

from __future__ import annotations

from collections.abc import Iterator

from sluice.definition.errors.problem import Problem
from sluice.definition.models.export import ExportBase
from sluice.definition.rules.exports import datasets_of
from sluice.definition.rules.known import Known


def unique_events_name_their_columns(export: ExportBase, known: Known) -> Iterator[Problem]:
    """The key of an event identifies its entity, so it cannot deduplicate events."""
    if export.unique is None or export.unique.by:
        return
    for feed, dataset in datasets_of(export, known):
        if dataset.kind == "event":
            what = f"`{feed.name}` contains events, and its key `{dataset.key}` does not identify a single event"
            yield Problem(("unique",), what, "write the columns that do: `by: [...]`", key=True)
            return


def deviation_is_of_full_deliveries(export: ExportBase, known: Known) -> Iterator[Problem]:  # noqa: ARG001
    if export.expect.max_deviation is not None and getattr(export, "mode", "full") != "full":
        what = "`max_deviation` compares full deliveries, but this export delivers only what is new"
        yield Problem(
            ("expect", "max_deviation"), what, "write `min_records` and `max_records`, or `mode: full`", key=True
        )
