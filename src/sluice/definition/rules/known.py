"""What a rule sees of the other declarations."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import Any, Protocol

from sluice.definition.errors.problem import Problem, either, unknown
from sluice.definition.folder import Family
from sluice.definition.references import references


class Known(Protocol):
    """What else is declared."""

    def names(self, family: Family) -> Iterable[str]:
        """Every declared name, sound or not."""
        ...

    def has(self, family: Family, name: str) -> bool:
        """Whether the name is declared, sound or not."""
        ...

    def unreadable(self, family: Family) -> bool:
        """Whether there may be more names than `names` knows."""
        ...

    def get(self, family: Family, name: str) -> Any:
        """The declared model if it is right in itself, else None."""
        ...


Rule = Callable[[Any, Known], Iterator[Problem]]


def refers_to_what_exists(declared: Any, known: Known) -> Iterator[Problem]:
    """Every name of another declaration is declared, unless a file that nobody could read might declare it."""
    for reference in references(declared):
        if any(known.has(family, reference.name) or known.unreadable(family) for family in reference.families):
            continue
        names = {name for family in reference.families for name in known.names(family)}
        what = f"no {either(reference.families)} is named `{reference.name}`"
        advice = f"choose a declared one, or declare it: {either(_HOMES[family] for family in reference.families)}"
        yield unknown(reference.path, reference.name, names, what, advice)


_HOMES: dict[Family, str] = {
    "connection": "connections/<name>.yaml",
    "dataset": "catalog/datasets.yaml",
    "segment": "catalog/segments.yaml",
    "refresh": "catalog/refreshes.yaml",
    "export": "exports/<name>.yaml",
}
