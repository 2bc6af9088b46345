"""A family of connectors as a sorted table of strings: type -> "module:Class", imported on first use."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from importlib import import_module
from typing import Annotated, Any, TypeVar, Union

from pydantic import Discriminator

Config = TypeVar("Config")


class Registry(Mapping[str, type[Config]]):
    """Read-only. Adding a connector is one file and one row; the table must be sorted and its types unique."""

    def __init__(self, family: str, rows: tuple[tuple[str, str], ...]) -> None:
        names = [name for name, _ in rows]
        if names != sorted(set(names)):
            raise ValueError(f"the table of {family} must be sorted, each type once: {names}")
        self.family = family
        self._rows = dict(rows)

    def __getitem__(self, name: str) -> type[Config]:
        module, _, attribute = self._rows[name].partition(":")
        config: type[Config] = getattr(import_module(module), attribute)
        return config

    def __iter__(self) -> Iterator[str]:
        return iter(self._rows)

    def __len__(self) -> int:
        return len(self._rows)

    def union(self) -> Any:
        """One type that is any of the family's, told apart by `type`."""
        members = tuple(self[name] for name in self)
        return members[0] if len(members) == 1 else Annotated[Union[members], Discriminator("type")]  # noqa: UP007
