"""Apply the row rules of a feed: deduplicate by key, and reject rows that cannot be delivered.

Deduplication comes first, so a rejected row is never replaced by an older row with its key.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

from sluice.definition.models.rows import Unique, allowed
from sluice.delivery.row_rules.quarantine import Quarantine
from sluice.delivery.row_rules.rejecter import Rejecter
from sluice.delivery.row_rules.release import judge
from sluice.delivery.row_rules.unique import unique_rows
from sluice.delivery.rows.extracted import FeedExtract
from sluice.delivery.rows.row_set import RowSet
from sluice.delivery.rows.selection import Selection, write_selection
from sluice.delivery.staging import Stage
from sluice.delivery.step import Step
from sluice.errors import about
from sluice.mapping.mapper import Mapper
from sluice.model.access import Connections
from sluice.model.layout import as_numpy, numbers
from sluice.plan.model import Feed, Plan
from sluice.sources.base import Source


class Selected(NamedTuple):
    """The rows selected for a feed: those of `extract`, and as `rejects` the members that lack a required field, which
    are not in `extract`."""

    extract: FeedExtract
    rejects: RowSet | None = None


@dataclass(frozen=True)
class RowRules:
    """The row rules of one feed."""

    plan: Plan
    feed: Feed
    source: Source
    mapper: Mapper
    stage: Stage
    connections: Connections
    step: Step

    def of(self, selected: Selected) -> FeedExtract:
        """The extract of the rows that are sent. Raises `FatalError` if more rows are rejected than `rejects.max`
        allows."""
        export, extract = self.plan.export, selected.extract
        if not (export.unique or selected.rejects or export.rejects.unfit_values == "reject"):
            return extract
        kept = _kept(extract, self.stage)
        rejects = selected.rejects or RowSet(kept.slices)
        before = len(kept) + len(rejects)
        if export.unique:
            stays = self._unique(extract, kept | rejects, export.unique)
            kept, rejects = kept & stays, rejects & stays
        rows = len(kept) + len(rejects)
        quarantine = self._reject(extract, kept, rejects)
        self._judge(quarantine, rows)
        return _staged(extract, kept, quarantine, before - rows, self.stage)

    def _unique(self, extract: FeedExtract, rows: RowSet, unique: Unique) -> RowSet:
        dataset = self.feed.dataset
        key = unique.by or (dataset.key,)
        with about("unique"):
            return unique_rows(self.source, extract.pinned, rows, unique, key, dataset=dataset.name)

    def _reject(self, extract: FeedExtract, kept: RowSet, rejects: RowSet) -> Quarantine:
        """Fill the quarantine. If `unfit_values` is `reject`, also remove rows from `kept` that the format cannot
        hold."""
        declared = self.plan.export.rejects
        most = None if self.plan.run.release else self._most(len(kept) + len(rejects))
        with Quarantine(self.plan, self.feed, self.mapper.schema, self.connections) as quarantine:
            rejecter = Rejecter(self.source, extract.pinned, self.mapper, quarantine)
            rejecter.lacking(rejects)
            if declared.unfit_values == "reject":
                rejecter.unfit(kept, self.plan.format, most)
        return quarantine

    def _most(self, rows: int) -> int | None:
        most = self.plan.export.rejects.max
        return None if most is None else allowed(most, rows)

    def _judge(self, quarantine: Quarantine, rows: int) -> None:
        most = self._most(rows)
        if most is not None and quarantine.count > most:
            what = f"{quarantine.count:,} of {rows:,} rows cannot be delivered, but `rejects.max` is"
            (reason, count), *_ = quarantine.reasons.most_common(1)
            often = f"the most frequent reason ({count:,}): {reason}. The rows are in {quarantine.address}"
            declared = self.plan.export.rejects
            judge(self.plan, declared.on_exceeded, f"{self.feed.name}: {what} {declared.max}; {often}", self.step)


def _kept(extract: FeedExtract, stage: Stage) -> RowSet:
    slices = extract.pinned.slices
    if extract.selection is None:
        return RowSet(slices, full=True)
    found = RowSet(slices)
    selection = Selection(stage.opened, extract.selection)
    for index in range(len(slices)):
        found.add_of(index, as_numpy(selection.rows(index)))
    return found


def _staged(extract: FeedExtract, kept: RowSet, quarantine: Quarantine, duplicates: int, stage: Stage) -> FeedExtract:

    name = f"selection/{extract.feed}.arrow"
    write_selection(stage.opened, name, (numbers(kept.rows(index)) for index in range(len(kept.slices))))
    update = {
        "kept": kept.counts(),
        "selection": name,
        "rejected": quarantine.count,
        "duplicates": duplicates,
        "reasons": dict(quarantine.reasons),
        "quarantine": quarantine.address,
    }
    return extract.model_copy(update=update)
