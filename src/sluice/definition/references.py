"""What a declaration refers to: each reference with its place, so that it can be followed and blamed."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, NamedTuple

from sluice.definition.folder import Family
from sluice.definition.models.catalog import Dataset, Segment
from sluice.definition.models.export import DataOutExport, DatasetExport, ExportBase, SegmentExport
from sluice.definition.yaml.position import Path


class Reference(NamedTuple):
    """`path` says where the declaration names `name`, which one of the `families` must have."""

    path: Path
    families: tuple[Family, ...]
    name: str


def references(declared: Any) -> Iterator[Reference]:
    """Every name of another declaration that this one holds; of a `Partial` one, those that are right."""
    match declared:
        case ExportBase():
            yield from _named(declared, "connection", "connection")
            yield from feeds(declared)
        case Segment():
            yield from _named(declared, "dataset", "dataset")
            yield from _named(declared, "refreshed_by", "refresh")
            for index, name in enumerate(getattr(declared, "reads", ())):
                yield Reference(("reads", index), ("dataset", "segment"), name)
        case Dataset():
            yield from _named(declared, "refreshed_by", "refresh")


def _named(declared: Any, key: str, family: Family) -> Iterator[Reference]:
    name = getattr(declared, key, None)
    if name is not None:
        yield Reference((key,), (family,), name)


def feeds(export: ExportBase) -> Iterator[Reference]:
    """The datasets or segments that an export delivers."""
    key, family = feed_key(export)
    for index, name in enumerate(getattr(export, key, ())):
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
            raise AttributeError(f"{type(export).__name__} is no kind of export, and delivers nothing")
