"""The references of a declaration, each with its path, for following it and for errors."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, NamedTuple

from sluice.definition.folder import Family
from sluice.definition.models.catalog import Dataset, Segment
from sluice.definition.models.connection import Connection
from sluice.definition.models.export import DataOutExport, DatasetExport, ExportBase, SegmentExport
from sluice.definition.yaml.position import Path


class Reference(NamedTuple):
    """A reference at `path` to the declaration `name`, which must be in one of the `families`."""

    path: Path
    families: tuple[Family, ...]
    name: str


def references(declared: Any) -> Iterator[Reference]:
    """Yield every reference to another declaration; for a partial model, only the valid ones."""
    match declared:
        case ExportBase():
            yield from _named(declared, "connection", "connection")
            yield from feeds(declared)
            yield from _lists(declared)
        case Connection():
            yield from _lists(declared)
        case Segment():
            yield from _named(declared, "dataset", "dataset")
            yield from _named(declared, "refreshed_by", "refresh")
            for index, name in enumerate(getattr(declared, "reads", ())):
                yield Reference(("reads", index), ("dataset", "segment"), name)
        case Dataset():
            yield from _named(declared, "refreshed_by", "refresh")
            if contacts := getattr(declared, "contacts", None):
                yield Reference(("contacts", "dataset"), ("dataset",), contacts.dataset)


def _named(declared: Any, key: str, family: Family) -> Iterator[Reference]:
    name = getattr(declared, key, None)
    if name:
        yield Reference((key,), (family,), name)


def _lists(declared: Any) -> Iterator[Reference]:
    """The datasets that list whom to leave out."""
    for index, one in enumerate(getattr(declared, "suppress", ())):
        yield Reference(("suppress", index, "dataset"), ("dataset",), one.dataset)


def feeds(export: ExportBase) -> Iterator[Reference]:
    """The datasets or segments that an export delivers."""
    key, family = feed_key(export)
    for index, name in enumerate(getattr(export, key, ())):
        yield Reference((key, index), (family,), name)


def feed_key(export: ExportBase) -> tuple[str, Family]:
    """The key that lists an export's feeds, and the family of the feeds."""
    match export:
        case SegmentExport():
            return "segments", "segment"
        case DataOutExport():
            return "entities", "dataset"
        case DatasetExport():
            return "datasets", "dataset"
        case _:
            raise AttributeError(f"{type(export).__name__} is not a kind of export")
