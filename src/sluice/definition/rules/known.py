"""The other declarations, as a rule sees them."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import Any, Protocol

from sluice.definition.errors.problem import Problem, either, unknown
from sluice.definition.folder import Family
from sluice.definition.models.project import Settings
from sluice.definition.references import references


class Known(Protocol):
    """All declarations, and the project's settings."""

    @property
    def project(self) -> Settings:
        """The project's settings. A declaration is checked again whenever they change."""
        ...

    def names(self, family: Family) -> Iterable[str]:
        """Every declared name, valid or not."""
        ...

    def has(self, family: Family, name: str) -> bool:
        """Whether the name is declared, valid or not."""
        ...

    def unreadable(self, family: Family) -> bool:
        """Whether an unreadable file may declare more names than `names` returns."""
        ...

    def get(self, family: Family, name: str) -> Any:
        """The declared model if it is valid on its own, else None."""
        ...


Rule = Callable[[Any, Known], Iterator[Problem]]


def refers_to_what_exists(declared: Any, known: Known) -> Iterator[Problem]:
    """Every reference is declared, unless an unreadable file might declare it."""
    for reference in references(declared):
        if any(known.has(family, reference.name) or known.unreadable(family) for family in reference.families):
            continue
        names = {name for family in reference.families for name in known.names(family)}
        what = f"no {either(reference.families)} is named `{reference.name}`"
        advice = f"choose a declared one, or declare it in {either(_HOMES[family] for family in reference.families)}"
        yield unknown(reference.path, reference.name, names, what, advice)


_HOMES: dict[Family, str] = {
    "connection": "connections/<name>.yaml",
    "dataset": "catalog/datasets.yaml",
    "segment": "catalog/segments.yaml",
    "refresh": "catalog/refreshes.yaml",
    "export": "exports/<name>.yaml",
}
