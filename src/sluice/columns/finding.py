"""What is wrong with a column that a declaration names."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from sluice.definition.errors.problem import Problem, shown, unknown
from sluice.definition.load import Places, Subject
from sluice.errors import DefinitionError

_ADVICE = "name one of its columns, or add the column to the data"


@dataclass(frozen=True)
class Finding:
    """One mistake: about which part of the declarations, and which word of it."""

    subject: Subject
    what: str
    nearest: str | None = None
    known: tuple[str, ...] = ()
    next_step: str = ""
    word: str = ""
    sure: bool = True
    """Whether every file was looked at."""

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
    """None of these has such a column."""
    owners = f"the dataset {shown(datasets[0])} has"
    if len(datasets) > 1:
        owners = f"the tables {', '.join(map(shown, datasets))} have"
    what = f"{owners} no column `{name}`" + ("" if sure else " in those files that were looked at")
    found: Problem = unknown((), name, columns, what)
    return Finding(subject, what, found.nearest, found.known, _ADVICE, name, sure)


def of_error(error: DefinitionError, subject: Subject, *, word: str = "", sure: bool = True) -> Finding:
    """What the code that would meet the mistake in a run says of it."""
    return Finding(subject, error.what, error.nearest, error.known, error.next_step, word, sure)
