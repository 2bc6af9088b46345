"""The rounds of a work: every subject once a round, in turn, and what was measured."""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from pydantic import BaseModel

from benchmarks import machine
from benchmarks.data import PIECE, folder_of
from benchmarks.place import HOME, RESULTS, WORLD, emptied, environment, own_command, peer_command, settled
from benchmarks.process import Failed, Measured, measure
from benchmarks.readback import Content, of_files, of_source
from benchmarks.work import Subject, Work
from benchmarks.world import World


class Outcome(BaseModel):
    """One run of one subject in one round."""

    subject: str
    round: int
    rows: int
    measured: Measured
    bytes: int
    files: int


class Result(BaseModel):
    """All rounds of one work."""

    work: str
    when: datetime
    seconds: float
    commit: str
    load: float
    """Of the machine before it began."""
    outcomes: list[Outcome]
    verified: dict[str, int]
    """Rows read back of each subject's files, equal to the source's."""
    missing: dict[str, str]
    """Subjects that could not run, and why."""

    def of(self, subject: str) -> list[Outcome]:
        return [outcome for outcome in self.outcomes if outcome.subject == subject]

    def save(self) -> None:
        RESULTS.mkdir(parents=True, exist_ok=True)
        (RESULTS / f"{self.work}.json").write_text(self.model_dump_json(indent=1))


@dataclass
class Rounds:
    """Runs the subjects of one work."""

    work: Work
    rows: int
    peer_rows: int

    def run(self, rounds: int) -> Result:
        """Measure everything; says each figure as it comes."""
        began = time.monotonic()
        result = self.empty()
        for number in range(rounds):
            for subject in self._due(number, result):
                self.turn(subject, number, result)
        result.seconds = time.monotonic() - began
        return result

    def empty(self) -> Result:
        """Nothing measured yet."""
        return Result(
            work=self.work.name,
            when=datetime.now(UTC),
            seconds=0,
            commit=machine.commit(),
            load=machine.load(),
            outcomes=[],
            verified={},
            missing={},
        )

    def _due(self, number: int, result: Result) -> Iterator[Subject]:
        for subject in self.work.subjects:
            if subject.name not in result.missing and (number == 0 or not (subject.slow or subject.once)):
                yield subject

    def turn(self, subject: Subject, number: int, result: Result) -> None:
        """One subject's run in one round."""
        try:
            outcome, out = self._measure(subject, number)
            if number == 0 and (files := self._files(subject, out)):
                result.verified[subject.name] = self._verify(subject, files)
        except Failed as failed:
            result.missing[subject.name] = str(failed)
            print(f"  {subject.title}: {failed}", flush=True)
            return
        result.outcomes.append(outcome)
        print(f"  {_line(subject, outcome)}", flush=True)

    def _measure(self, subject: Subject, number: int) -> tuple[Outcome, Path]:
        source = self.source(subject)
        out = emptied(HOME / "out" / f"{self.work.name}-{subject.name}")
        settled()
        measured = measure(self.command(subject, source, out), environment(), HOME / "log.txt")
        files = self._files(subject, out)
        size = sum(file.stat().st_size for file in files)
        outcome = Outcome(
            subject=subject.name,
            round=number,
            rows=self.rows_of(subject),
            measured=measured,
            bytes=size,
            files=len(files),
        )
        return outcome, out

    def source(self, subject: Subject) -> Path:
        """The Parquet files that the subject reads."""
        return folder_of(self.rows_of(subject), HOME, flat=self.work.flat)

    def command(self, subject: Subject, source: Path, out: Path) -> list[str]:
        """What is run, with what it needs declared."""
        if not subject.ours:
            return peer_command(subject.function, source, out)
        World(WORLD, HOME, out).declare(self.rows_of(subject))
        return own_command(subject.function, out)

    def rows_of(self, subject: Subject) -> int:
        """The rows that it reads."""
        if subject.slow:
            return min(max(self.rows // 10, PIECE), self.rows)
        return self.rows * subject.times if subject.ours else self.peer_rows

    def _files(self, subject: Subject, out: Path) -> list[Path]:
        return sorted(out.glob(subject.files or self.work.files))

    def _verify(self, subject: Subject, files: list[Path]) -> int:
        source = self.source(subject)
        expected: Content = of_source(source, filtered=self.work.name == "segment")
        found = of_files(files)
        if found != expected:
            raise Failed(f"wrote {found}, where the source holds {expected}")
        return found.rows


def _line(subject: Subject, outcome: Outcome) -> str:
    measured = outcome.measured
    return (
        f"{subject.title:42} {outcome.rows / measured.total:>11,.0f} rows/s {measured.total:7.1f} s"
        f" (without start {measured.work:.1f} s) {measured.cpu:7.1f} s CPU {measured.rss / 1e6:7,.0f} MB"
        f" {outcome.bytes / 1e6:8,.1f} MB out"
    )
