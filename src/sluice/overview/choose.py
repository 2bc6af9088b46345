"""Searches, filters, sorts and pages rows of exports."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

from sluice.errors import DefinitionError
from sluice.overview.row import ExportRow

SORTS = tuple(ExportRow.model_fields)


@dataclass(frozen=True)
class Chosen:
    """Which rows to show, and in which order. Empty: all."""

    search: str = ""
    """A part of the name, title, owner, connection or a tag, in any case."""
    status: Sequence[str] = ()
    connection: Sequence[str] = ()
    kind: Sequence[str] = ()
    mine: bool = False
    """Only exports that the actor may edit."""
    sort: str = "name"
    descending: bool = False
    offset: int = 0
    limit: int | None = None


class Page(NamedTuple):
    """The rows of one page, and what there is to filter by."""

    rows: list[ExportRow]
    total: int
    """The number of rows on all pages."""
    counts: Mapping[str, Mapping[str, int]]
    """For `status`, `connection` and `kind`: the number of rows with each value, whatever the filters are."""


def choose(
    rows: Iterable[ExportRow], chosen: Chosen, edits: Callable[[ExportRow], bool] = lambda row: row.may == "edit"
) -> Page:
    """One page. `edits` says whether the actor may edit an export: for rows that do not say so themselves. Raises
    `DefinitionError` for an unknown sort field."""
    if chosen.sort not in SORTS:
        raise DefinitionError(f"exports are not sorted by {chosen.sort!r}", known=SORTS, next_step="choose one")
    every = list(rows)
    found = [row for row in every if _wanted(row, chosen) and (not chosen.mine or edits(row))]
    found.sort(key=lambda row: row.name)
    # Rows without a value come last in both directions.
    known = [row for row in found if getattr(row, chosen.sort) not in (None, "")]
    rest = [row for row in found if getattr(row, chosen.sort) in (None, "")]
    by = (lambda row: edits(row)) if chosen.sort == "may" else (lambda row: _order(getattr(row, chosen.sort)))
    known.sort(key=by, reverse=chosen.descending)
    end = None if chosen.limit is None else chosen.offset + chosen.limit
    counts = {field: Counter(getattr(row, field) for row in every) for field in ("status", "connection", "kind")}
    return Page([*known, *rest][chosen.offset : end], len(found), counts)


def _wanted(row: ExportRow, chosen: Chosen) -> bool:
    return (
        (not chosen.status or row.status in chosen.status)
        and (not chosen.connection or row.connection in chosen.connection)
        and (not chosen.kind or row.kind in chosen.kind)
        and (not chosen.search or _matches(row, chosen.search.casefold()))
    )


def _matches(row: ExportRow, text: str) -> bool:
    places = (row.name, row.title, row.owner, row.connection, row.connection_title, *row.tags)
    return any(text in place.casefold() for place in places)


def _order(value: Any) -> Any:
    return value.casefold() if isinstance(value, str) else value
