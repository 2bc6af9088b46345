"""What no declaration can tell of itself: rules across declarations, each a small function with its message.

A rule gets one declared model and `Known`, and yields the problems of that one declaration. It says nothing about what
it cannot see: another declaration that is wrong in itself has its own error.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import Any, Protocol

from sluice.definition.folder import Family
from sluice.definition.problem import Problem, either, unknown
from sluice.definition.refer import references


class Known(Protocol):
    """What else is declared."""

    def names(self, family: Family) -> Iterable[str]:
        """Every declared name, sound or not."""
        ...

    def unreadable(self, family: Family) -> bool:
        """Whether there may be more names than `names` knows."""
        ...

    def get(self, family: Family, name: str) -> Any:
        """The declared model if it is right in itself, else None."""
        ...


Rule = Callable[[Any, Known], Iterator[Problem]]


def refers_to_what_exists(declared: Any, known: Known) -> Iterator[Problem]:
    for reference in references(declared):
        names = {name for family in reference.families for name in known.names(family)}
        if reference.name in names or any(known.unreadable(family) for family in reference.families):
            continue
        what = f"no {either(reference.families)} is named `{reference.name}`"
        yield unknown(reference.path, reference.name, names, what)


RULES: dict[Family, tuple[Rule, ...]] = {
    "connection": (),
    "dataset": (refers_to_what_exists,),
    "segment": (refers_to_what_exists,),
    "refresh": (),
    "export": (refers_to_what_exists,),
}
