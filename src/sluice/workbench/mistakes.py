"""The errors of several files: every file is read, and the first error of each is reported."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import TypeVar

from sluice.errors import DefinitionError

Item = TypeVar("Item")
Found = TypeVar("Found")


class MistakesError(DefinitionError):
    """Several files are wrong. What it says is about the first of them; `errors` has all."""

    def __init__(self, errors: Sequence[DefinitionError]) -> None:
        first = errors[0]
        super().__init__(
            first.what, place=first.place, nearest=first.nearest, known=first.known, next_step=first.next_step
        )
        self.errors = tuple(errors)

    def page(self) -> str:
        """The pages of all of them."""
        return "\n\n".join(error.page() for error in self.errors)


def each(items: Iterable[Item], read: Callable[[Item], Found]) -> list[Found]:
    """What `read` makes of each. Raises `MistakesError` if it fails for several, and its error if for one."""
    found, wrong = [], []
    for item in items:
        try:
            found.append(read(item))
        except DefinitionError as error:
            wrong.append(error)
    if len(wrong) > 1:
        raise MistakesError(wrong)
    if wrong:
        raise wrong[0]
    return found
