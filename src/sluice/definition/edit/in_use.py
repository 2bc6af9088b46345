"""A dataset that is exported cannot be removed from the catalog."""

from __future__ import annotations

from collections.abc import Iterator

from sluice.definition.declarations import Declarations
from sluice.definition.references import references
from sluice.errors import DefinitionError, Place


def removed_in_use(now: Declarations, then: Declarations) -> DefinitionError | None:
    """The error if a dataset is removed that exports still deliver, directly or as segments; None otherwise."""
    if then.unreadable("dataset"):  # its datasets may still be there
        return None
    shelf = now.shelves["dataset"]
    for name in sorted(set(shelf.names()) - set(then.shelves["dataset"].names())):
        if exports := sorted(_delivering(name, then)):
            declaration = shelf.get(name)
            whose = f"the export {exports[0]} delivers" if len(exports) == 1 else f"{', '.join(exports)} deliver"
            return DefinitionError(
                f"dataset {name} cannot be removed: {whose} it",
                place=Place(declaration.file) if declaration else None,
                next_step=f"remove it from {'this export' if len(exports) == 1 else 'these exports'} first",
            )
    return None


def _delivering(dataset: str, declared: Declarations) -> Iterator[str]:
    for export in declared.shelves["export"].names():
        used = declared.reach("export", export)
        found = (reference for family, name in used for reference in references(declared.get(family, name)))
        if any(reference.name == dataset and "dataset" in reference.families for reference in found):
            yield export
