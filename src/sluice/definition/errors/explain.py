"""Converts Pydantic's errors into problems of a declaration."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import replace
from itertools import groupby
from typing import Any

from pydantic import ValidationError

from sluice.definition.errors.location import trace
from sluice.definition.errors.messages import Mistake, sentence, wrong_choice
from sluice.definition.errors.problem import Problem


def explain(error: ValidationError, root: Any, noun: str, given: Iterable[str] = ()) -> list[Problem]:
    """The problems of a declaration of type `root`, which messages call `noun`.

    `given` are the keys that are not in the file's text, such as the name, which comes from the file's name."""
    mistakes = [
        Mistake(e["type"], e["msg"], e.get("input"), e.get("ctx", {}), trace(root, e["loc"]), noun, frozenset(given))
        for e in error.errors(include_url=False)
    ]
    mistakes = [mistake for mistake in mistakes if not _counts_what_is_right(mistake)]
    return _without_misspelt([problem for group in _choices(mistakes) for problem in _explained(group)])


def _counts_what_is_right(mistake: Mistake) -> bool:
    """Whether the list is long enough: Pydantic counts only valid entries, so wrong ones make it "too short"."""
    return mistake.type == "too_short" and len(mistake.input) >= mistake.context["min_length"]


def _choices(mistakes: list[Mistake]) -> Iterator[list[Mistake]]:
    """Group the mistakes of one untagged union: the user meant only one of its members."""
    for choice, group in groupby(mistakes, key=lambda m: m.at.choice):
        together = list(group)
        yield from [together] if choice is not None else [[mistake] for mistake in together]


def _explained(group: list[Mistake]) -> list[Problem]:
    """The problems of the member that the user meant: the one that the value matches to the greatest depth."""
    depth = max(len(mistake.path) for mistake in group)
    deepest = [mistake for mistake in group if len(mistake.path) == depth]
    if deepest[0].path == deepest[0].at.choice and len(group) > 1:
        own_rules = [mistake for mistake in deepest if mistake.type == "value_error"]
        return [sentence(mistake) for mistake in own_rules] or [wrong_choice(deepest[0])]
    return [sentence(mistake) for mistake in deepest]


def _without_misspelt(problems: list[Problem]) -> list[Problem]:
    """Drop a missing key if the same mapping has a misspelling of it."""
    misspelt = {(*problem.path[:-1], problem.nearest) for problem in problems if problem.key and problem.nearest}
    return [
        replace(problem, lacks=None) for problem in problems if (*problem.path, problem.lacks or "") not in misspelt
    ]
