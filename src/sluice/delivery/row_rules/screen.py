"""Screen: leave out the rows of people who have not consented, or who are on a list.

It comes before every other row rule, so such a row is neither delivered, nor in quarantine, nor instead of another one.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from typing import TYPE_CHECKING, Protocol

from sluice.definition.models.catalog import Dataset
from sluice.delivery.extraction import FeedExtraction, FeedStep
from sluice.delivery.row_rules.consent import ByConsent
from sluice.delivery.row_rules.suppress import BySuppression, Listed, suppressing
from sluice.errors import about
from sluice.model.access import Connections
from sluice.plan.model import Feed, Plan
from sluice.sources.base import Pinned, Source
from sluice.sources.row_set import RowSet

if TYPE_CHECKING:
    import pyarrow as pa


class Screen(Protocol):
    """One reason, or more, to leave out rows."""

    def left_out(self, source: Source, pinned: Pinned, rows: RowSet) -> dict[str, RowSet]:
        """The rows that are left out, by reason."""
        ...


def _describe(plan: Plan, feed: Feed) -> str | None:
    rows = [f"rows without consent in {consent.column}" for consent in plan.consents]
    rows += [f"rows whose {rule.by or feed.dataset.key} is in {rule.dataset}" for rule in plan.suppressions]
    return f"leaves out {' and '.join(rows)}" if rows else None


def _screen(work: FeedExtraction) -> None:
    plan, extract, stage = work.plan, work.extract, work.run.stage
    kept = work.kept()
    lacking = work.lacking or RowSet(kept.slices)

    def pinned(name: str) -> Listed:
        """The list as an earlier attempt or another feed has pinned it, if that can still be read."""
        dataset, source = opened(plan, name, work.run.connections)
        before = stage.find(f"lists/{name}", Pinned)
        if before is None or not source.intact(before):
            before = source.pin(stage.opened.below(f"spool/lists/{name}"))
            stage.write(f"lists/{name}", before)
        return Listed(dataset, source, before)

    with screens(plan, work.feed, extract.pinned.schema, pinned, work.run.connections) as found:
        stay, reasons = screened(found, work.source, extract.pinned, kept | lacking)
    kept, work.lacking = kept & stay, lacking & stay
    work.keep(kept)
    lists = [one for one in found if isinstance(one, BySuppression)]
    work.lists = tuple(one.facts for one in lists)
    work.update(left_out=reasons, lists=tuple(one.stamp for one in lists))


SCREEN = FeedStep("consent", _describe, _screen)


def opened(plan: Plan, name: str, connections: Connections) -> tuple[Dataset, Source]:
    """The dataset of a list, and its source."""
    dataset = plan.lists[name]
    return dataset, dataset.source.open(connections, dataset=name)


@contextmanager
def screens(
    plan: Plan, feed: Feed, schema: pa.Schema, pinned: Callable[[str], Listed], connections: Connections
) -> Iterator[Sequence[Screen]]:
    """The reasons to leave out rows of a feed whose dataset has this schema, ready to be asked. Raises
    `DefinitionError` if a column is unknown or does not fit, and `FatalError` if a list cannot be read."""
    with ExitStack() as stack:
        found: list[Screen] = []
        for consent in plan.consents:
            with about("datasets", feed.dataset.name):
                found.append(ByConsent.of(consent, schema, feed.dataset.name))
        for rule in plan.suppressions:
            with about("datasets", rule.dataset):
                listed = pinned(rule.dataset)
                found.append(stack.enter_context(suppressing(rule, listed, feed.dataset, schema, connections)))
        yield found


def screened(screens: Sequence[Screen], source: Source, pinned: Pinned, rows: RowSet) -> tuple[RowSet, dict[str, int]]:
    """The rows that stay, and how many were left out by reason. A row counts for the first reason that applies."""
    reasons: Counter[str] = Counter()
    for screen in screens:
        for reason, found in screen.left_out(source, pinned, rows).items():
            rows = rows - found
            reasons[reason] += len(found)
    return rows, dict(+reasons)
