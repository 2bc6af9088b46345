"""Data classes: what the columns of personal and other sensitive data demand of a delivery."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Literal

from pydantic import Field

from sluice.model.declared import Declared, Name

DataClassName = Annotated[str, Field(min_length=1, max_length=100)]
"""The name of a data class: words, separated by dots from the general to the special."""


class DataClass(Declared):
    """What a data class demands of every export that delivers one of its columns."""

    demands: tuple[Literal["hash", "consent"], ...] = ()
    """`hash`: the column is delivered only by a field with `hash`. `consent`: the export, or its connection, declares
    `consent`."""
    connections: tuple[Name, ...] = ()
    """The connections that its columns may be delivered to. Default: every connection."""
    to: tuple[str, ...] = ()
    """The types of destinations that its columns may be delivered to, such as `sftp`. Default: every type."""


def demanded(name: str, classes: Mapping[str, DataClass]) -> dict[str, DataClass]:
    """The declared classes that a class belongs to: itself and those above it. `pii.email` belongs to `pii`."""
    parts = name.split(".")
    above = [".".join(parts[:length]) for length in range(len(parts), 0, -1)]
    return {one: classes[one] for one in above if one in classes}
