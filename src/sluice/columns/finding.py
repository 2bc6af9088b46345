"""The problem of a column named in a declaration."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from sluice.definition.errors.problem import Problem, shown, unknown
from sluice.definition.load import Places, Subject
from sluice.errors import DefinitionError

_ADVICE = "use an existing column, or add this one to the data"


@dataclass(frozen=True)
class Finding:
    """One problem, with the part of the declarations and the word that it is about."""

    subject: Subject
    what: str
    nearest: str | None = None
    known: tuple[str, ...] = ()
    next_step: str = ""
    word: str = ""
    sure: bool = True
    """Whether every file was checked."""
    note: bool = False
    """Whether nothing is wrong."""

    def at(self, places: Places) -> DefinitionError:
        place = places.of(self.subject, word=self.word)
        error = DefinitionError(
            self.what, place=place, nearest=self.nearest, known=self.known, next_step=self.next_step
        )
        error.subject = self.subject
        return error


def no_column(
    subject: Subject, name: str, columns: Iterable[str], *, datasets: Sequence[str], sure: bool = True
) -> Finding:
    """The problem of a column that none of the datasets has."""
    owners = f"the dataset {shown(datasets[0])} has"
    if len(datasets) > 1:
        owners = f"the tables {', '.join(map(shown, datasets))} have"
    what = f"{owners} no column `{name}`" + ("" if sure else " in the files that were checked")
    found: Problem = unknown((), name, columns, what)
    return Finding(subject, what, found.nearest, found.known, _ADVICE, name, sure)


def of_error(error: DefinitionError, subject: Subject, *, word: str = "", sure: bool = True) -> Finding:
    """The problem behind an error of the code that a run would use."""
    return Finding(subject, error.what, error.nearest, error.known, error.next_step, word, sure)
