"""Ratios, and whether they are what was asked for."""

from __future__ import annotations

from collections.abc import Iterator
from statistics import median
from typing import Literal

from pydantic import BaseModel

from benchmarks.runs import Outcome, Result
from benchmarks.work import Measure, Target, Work

Clock = Literal["total", "work"]
_MORE_IS_BETTER: tuple[Measure, ...] = ("rate",)


class Verdict(BaseModel):
    """One target, judged by the clock that is less kind to Sluice."""

    words: str
    total: float
    """The median over the rounds, from the process's start."""
    work: float
    """The median over the rounds, without start."""
    rounds: int
    met: bool

    @property
    def judged(self) -> str:
        """What was asked and found, for the last line."""
        return f"{self.words} ({self.total:.3g}, without start {self.work:.3g})"


def verdicts(work: Work, result: Result) -> Iterator[Verdict]:
    """Every target of a work whose subjects were all measured."""
    for target in work.targets:
        if not result.of(target.subject) or any(not result.of(name) for name in target.against):
            continue
        total, without = (ratios(target, result, clock) for clock in ("total", "work"))
        yield Verdict(
            words=target.words,
            total=median(total),
            work=median(without),
            rounds=len(total),
            met=target.met(median(total)) and target.met(median(without)),
        )


def ratios(target: Target, result: Result, clock: Clock) -> list[float]:
    """Sluice's measure over the best of the others', one for each round that has both."""
    best = max if target.measure in _MORE_IS_BETTER else min
    found = []
    for own in result.of(target.subject):
        others = [o for name in target.against for o in result.of(name) if o.round == own.round]
        if others or not target.against:
            by = best((value(other, target.measure, clock) for other in others), default=1.0)
            found.append(value(own, target.measure, clock) / by)
    return found


def value(outcome: Outcome, measure: Measure, clock: Clock) -> float:
    """Rows a second, seconds a row, bytes a row, or bytes of memory."""
    seconds = outcome.measured.total if clock == "total" else outcome.measured.work
    match measure:
        case "rate":
            return outcome.rows / seconds
        case "time":
            return seconds / outcome.rows
        case "size":
            return outcome.bytes / outcome.rows
        case "rss":
            return outcome.measured.rss
