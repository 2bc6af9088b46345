"""RESULTS.md: ratios first, absolute figures second, then what limits them."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from statistics import median

from benchmarks import machine
from benchmarks.parts import Steps
from benchmarks.runs import Outcome, Result
from benchmarks.verdict import ratios, verdicts
from benchmarks.work import WORKS, Subject, Target, Work

_INTRO = """\
# Results

`make bench` writes this page. The rows are generated profiles of 18 columns: strings (some of them not ASCII), dates, \
timestamps with a time zone, integers, floats, booleans, a struct and a list. They are in Parquet files, compressed \
with Snappy, in row groups of 122,880 rows. Sluice runs as a user would run it: it reads the YAML declaration, then \
runs extract, chunk, upload and publish, and writes to files in a local folder. Everything that is not declared has \
its default, and every file is synced to disk.

Each figure is a process of its own. The subjects take turns within a round, and a ratio is the median of the rounds' \
ratios. *Total* is the time from the start of the process to its end. *Work* excludes the start: the interpreter, \
imports, a JVM. A target is met if both meet it. Peers run at their fastest setting, with gzip level 1 if they have \
levels. They may have fewer rows than Sluice, as the tables show: rates are compared. dlt and pandas are measured \
once, on a tenth of the rows. DuckDB reads back what was written: the number of rows and the sum of their ids equal \
those of the source.
"""


def rendered(results: Mapping[str, Result], parts: Mapping[str, Steps]) -> str:
    """The whole report."""
    known = [(WORKS[name], results[name]) for name in WORKS if name in results]
    sections = [_INTRO, _where(known), _targets(known), _ratios(known), _absolute(known)]
    return "\n".join([*sections, _limits(results, parts)] if parts else sections)


def last_line(results: Mapping[str, Result]) -> str:
    """What `make bench` ends with."""
    judged = {v.words: v for name in results for v in verdicts(WORKS[name], results[name])}
    asked = [target.words for work in WORKS.values() for target in work.targets]
    missed = [verdict.judged for verdict in judged.values() if not verdict.met]
    missed += [f"{words} (not measured)" for words in asked if words not in judged]
    return f"bench: missed: {'; '.join(missed)}" if missed else "bench: all targets met"


def _where(known: list[tuple[Work, Result]]) -> str:
    ran = "; ".join(
        f"{work.name} {result.when:%Y-%m-%d %H:%M} at {result.commit}, {result.seconds / 60:.0f} min"
        + (f", load {result.load:.1f} when it began" if result.load > 0.5 else "")
        for work, result in known
    )
    return "\n".join([*machine.described(), "", f"Measured (UTC): {ran}.", ""])


def _targets(known: list[tuple[Work, Result]]) -> str:
    rows = [
        (v.words, f"{v.total:,.3g}", f"{v.work:,.3g}", str(v.rounds), "yes" if v.met else "**no**")
        for work, result in known
        for v in verdicts(work, result)
    ]
    return _table("## Targets", ("target", "total", "work", "rounds", "met"), rows)


def _ratios(known: list[tuple[Work, Result]]) -> str:
    rows = [
        _ratio(work, result, own, other)
        for work, result in known
        if work.compared
        for own in sorted({target.subject for target in work.targets})
        for other in work.subjects
        if other.name not in (own, "refresh") and result.of(other.name) and result.of(own)
    ]
    return _table("## Ratios: the rate of Sluice over each other's", ("work", "over", "total", "work"), rows)


def _ratio(work: Work, result: Result, own: str, other: Subject) -> tuple[str, ...]:
    target = Target("rate", (other.name,), "", subject=own)
    total, without = (median(ratios(target, result, clock)) for clock in ("total", "work"))
    return work.title, other.title, f"{total:.2f}x", f"{without:.2f}x"


def _absolute(known: list[tuple[Work, Result]]) -> str:
    lines = ["## Absolute: medians of the rounds", ""]
    for work, result in known:
        unit = work.unit
        rates = (unit, f"{unit}/s", f"{unit}/s, work")
        head = ("subject", *rates, "seconds", "CPU s", "peak MB", "MB out", "files", "read back")
        rows = [_figures(subject, result) for subject in work.subjects if result.of(subject.name)]
        lines += [_table(f"### {work.title}", head, rows), *([work.note, ""] if work.note else [])]
        titles = {subject.name: subject.title for subject in work.subjects}
        lines += [f"Missing: {titles[name]}: {why.splitlines()[0]}\n" for name, why in result.missing.items()]
    return "\n".join(lines)


def _figures(subject: Subject, result: Result) -> tuple[str, ...]:
    outcomes = result.of(subject.name)

    def middle(of: Callable[[Outcome], float]) -> float:
        return median(of(outcome) for outcome in outcomes)

    return (
        subject.title,
        f"{outcomes[0].rows:,}",
        f"{middle(lambda o: o.rows / o.measured.total):,.0f}",
        f"{middle(lambda o: o.rows / o.measured.work):,.0f}",
        f"{middle(lambda o: o.measured.total):.1f}",
        f"{middle(lambda o: o.measured.cpu):.1f}",
        f"{max(o.measured.rss for o in outcomes) / 1e6:,.0f}",
        f"{middle(lambda o: o.bytes) / 1e6:,.1f}",
        f"{outcomes[-1].files:,}",
        f"{result.verified[subject.name]:,}" if subject.name in result.verified else "-",
    )


def _limits(results: Mapping[str, Result], parts: Mapping[str, Steps]) -> str:
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    head = ("microseconds of one core a row", "decode", "encode", "compress", "hash", "together")
    rows = [
        (name, *(f"{v:.2f}" for v in (s.decode, s.encode, s.compress, s.hash, s.together))) for name, s in parts.items()
    ]
    said = [_limit(name, steps, results[name], cores) for name, steps in parts.items() if name in results]
    words = (
        "Each step alone, on one thread of a process that does nothing else. The rates are those of the libraries:"
        " Polars decodes, and encodes NDJSON and CSV; Arrow's writer encodes Parquet; igzip compresses; OpenSSL hashes."
    )
    return "\n".join([_table("## What limits it", head, rows), words, "", *said])


def _limit(name: str, steps: Steps, result: Result, cores: int) -> str:
    own = result.of("sluice")
    rate = median(o.rows / o.measured.work for o in own)
    cpu = median(o.measured.cpu / o.rows for o in own) * 1e6
    most = cores / steps.together * 1e6
    return (
        f"- **{name}**: decode, encode and compress at {steps.decode:.2f}, {steps.encode:.2f} and {steps.compress:.2f}"
        f" microseconds a row leave {cores} cores at most {most:,.0f} rows/s; Sluice's work runs at {rate:,.0f}, which"
        f" is {rate / most:.0%} of that, and a whole process takes {cpu:.2f} microseconds of CPU a row. Encoding is"
        f" {steps.megabytes / steps.encode:,.0f} MB/s a core, compression {steps.megabytes / steps.compress:,.0f} MB/s."
    )


def _table(title: str, head: tuple[str, ...], rows: Sequence[tuple[str, ...]]) -> str:
    return "\n".join([title, "", *_lines(head, rows), ""])


def _lines(head: tuple[str, ...], rows: Sequence[tuple[str, ...]]) -> Iterator[str]:
    yield f"| {' | '.join(head)} |"
    yield f"|---|{'---:|' * (len(head) - 1)}"
    for row in rows:
        yield f"| {' | '.join(row)} |"
