"""A family of connectors: the built-in ones, in a sorted table of strings, and those of other packages.

A package provides a connector by an entry point in the group `sluice.sources`, `sluice.formats` or
`sluice.destinations`. The entry point's name is the connector's `type`. A connector that cannot be used is skipped and
reported by `sluice check`; it does not affect the others.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from functools import cache, cached_property
from importlib import import_module
from importlib.metadata import EntryPoint, EntryPoints, entry_points
from typing import Annotated, Any, Generic, TypeVar, Union, cast, get_args

from pydantic import Discriminator

from sluice.errors import FatalError, SluiceError

Config = TypeVar("Config")

BROKEN: dict[str, str] = {}
"""The problems of other packages' connectors, by family and type, such as `formats tsv`."""


def broken() -> list[SluiceError]:
    """An error for each connector of another package that cannot be used."""
    return [
        FatalError(
            f"the connector of {name.partition(' ')[0]} `{name.partition(' ')[2]}` is skipped: {why}",
            next_step="upgrade or uninstall that package; its documentation lists compatible versions",
        )
        for name, why in sorted(BROKEN.items())
    ]


class Registry(Mapping[str, type[Config]], Generic[Config]):
    """The connectors of one family by type, each imported on first use. Read-only.

    A built-in connector is one file and one row of the table, which must be sorted by type, without duplicates."""

    def __init__(self, family: str, rows: tuple[tuple[str, str], ...], base: str) -> None:
        names = [name for name, _ in rows]
        if names != sorted(set(names)):
            raise ValueError(f"the table of {family} must be sorted and without duplicates: {names}")
        self.family = family
        self._rows = dict(rows)
        self._base = base

    def __getitem__(self, name: str) -> type[Config]:
        if name in self._outside:
            return self._outside[name]
        found: type[Config] = _load(self._rows[name])
        return found

    def __iter__(self) -> Iterator[str]:
        return iter(sorted([*self._rows, *self._outside]))

    def __len__(self) -> int:
        return len(self._rows) + len(self._outside)

    def union(self) -> Any:
        """The union of the family's types, with `type` as the discriminator."""
        members = tuple(self[name] for name in self)
        return members[0] if len(members) == 1 else Annotated[Union[members], Discriminator("type")]  # noqa: UP007

    @cached_property
    def _outside(self) -> dict[str, type[Config]]:
        """The usable connectors of other packages."""
        points = _points(f"sluice.{self.family}")
        times, found = Counter(point.name for point in points), {}
        for point in points:
            try:
                if point.name in self._rows:
                    raise ValueError("Sluice has a built-in connector of this type")
                if times[point.name] > 1:
                    raise ValueError(
                        f"{times[point.name]} packages provide a connector of this type: uninstall all but one"
                    )
                found[point.name] = self._checked(point)
            except Exception as error:
                package = f"{point.dist.name} {point.dist.version}" if point.dist else "a package"
                BROKEN[f"{self.family} {point.name}"] = f"{point.value} of {package}: {type(error).__name__}: {error}"
        return found

    def _checked(self, point: EntryPoint) -> type[Config]:
        config: type[Config] = point.load()
        base = _load(self._base)
        if not (isinstance(config, type) and issubclass(config, base)):
            raise TypeError(f"it is not a subclass of {self._base.replace(':', '.')}")
        if get_args(config.model_fields["type"].annotation) != (point.name,):  # type: ignore[attr-defined]
            raise TypeError(f"its field `type` is not Literal[{point.name!r}]")
        return config


def _points(group: str) -> tuple[EntryPoint, ...]:
    return tuple(sorted(_installed().select(group=group), key=lambda point: (point.name, point.value)))


@cache
def _installed() -> EntryPoints:
    """Those of every package. To find them takes 20 ms, whatever the group."""
    return cast("EntryPoints", entry_points())  # Python 3.11 has a type of its own for this, with the same `select`


def _load(place: str) -> Any:
    module, _, attribute = place.partition(":")
    return getattr(import_module(module), attribute)
