"""What a declaration refers to: each reference with its place, so that it can be followed and blamed."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, NamedTuple

from sluice.definition.catalog import Dataset, Segment
from sluice.definition.export import DataOutExport, DatasetExport, ExportBase, SegmentExport
from sluice.definition.folder import Family
from sluice.definition.position import Path


class Reference(NamedTuple):
    """`path` says where the declaration names `name`, which one of the `families` must have."""

    path: Path
    families: tuple[Family, ...]
    name: str


def references(declared: Any) -> Iterator[Reference]:
    """Every name of another declaration that this one holds."""
    match declared:
        case ExportBase():
            yield Reference(("connection",), ("connection",), declared.connection)
            yield from feeds(declared)
        case Segment():
            yield Reference(("dataset",), ("dataset",), declared.dataset)
            yield Reference(("refreshed_by",), ("refresh",), declared.refreshed_by)
            for index, name in enumerate(declared.reads):
                yield Reference(("reads", index), ("dataset", "segment"), name)
        case Dataset(refreshed_by=str() as name):
            yield Reference(("refreshed_by",), ("refresh",), name)


def feeds(export: ExportBase) -> Iterator[Reference]:
    """The datasets or segments that an export delivers."""
    key, family = feed_key(export)
    for index, name in enumerate(getattr(export, key)):
        yield Reference((key, index), (family,), name)


def feed_key(export: ExportBase) -> tuple[str, Family]:
    """The key that lists an export's feeds, and of which family they are."""
    match export:
        case SegmentExport():
            return "segments", "segment"
        case DataOutExport():
            return "entities", "dataset"
        case DatasetExport():
            return "datasets", "dataset"
        case _:
            raise TypeError(f"{type(export).__name__} is no kind of export")
