"""RESULTS.md holds what was measured last of each work, on this machine or on another: what is not measured again
stays as it is written there."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator

from benchmarks.machine import NO_PEERS
from benchmarks.work import WORKS, Work

_SECTION = re.compile(r"^(?=## )", re.M)
_PART = re.compile(r"^(?=### )", re.M)

_MACHINE = r"^.* cores, .* local disk\.$"


def merged(before: str, now: str, measured: Collection[Work]) -> str:
    """The new report, with those lines and parts of the former one that tell of works which were not measured."""
    old, new = _sections(before), _sections(now)
    kept = {work.title: work for work in WORKS.values() if work not in measured}
    made = []
    for title, section in new.items():
        former = old.get(title, "")
        if title.startswith("## Absolute"):
            made.append(_parts(former, section, kept))
        elif title.startswith("## "):
            made.append(_rows(former, section, measured))
        else:
            made.append(_intro(former, section, measured))
    made += [section for title, section in old.items() if title not in new]
    return "\n\n".join(part.strip() for part in made) + "\n"


def _sections(report: str) -> dict[str, str]:
    """By their headings; what stands before the first has none."""
    return {part.partition("\n")[0] if part.startswith("## ") else "": part for part in _SECTION.split(report)}


def _rows(former: str, section: str, measured: Collection[Work]) -> str:
    """A table, in the order of the works; a row begins with what its work is called, or with one of its targets."""
    head, own = _table(section)
    new, old = dict(own), dict(_table(former)[1])
    mine = [(one, work) for work in WORKS.values() for one in _beginnings(work)]
    lines = [
        line
        for beginning, work in mine
        for found in ([new] if work in measured else [old])
        for first, line in found.items()
        if first[0] == beginning
    ]
    return "\n".join([*head, *lines])


def _table(section: str) -> tuple[list[str], list[tuple[tuple[str, str], str]]]:
    """What stands above its rows, and those by their first two cells."""
    lines = section.strip().splitlines()
    rule = next((number for number, line in enumerate(lines) if line.startswith("|---")), len(lines))
    rows = [line for line in lines[rule + 1 :] if line.startswith("| ")]
    return lines[: rule + 1], [((cells[1].strip(), cells[2].strip()), row) for row in rows if (cells := row.split("|"))]


def _beginnings(work: Work) -> Iterator[str]:
    yield work.title
    yield from (target.words for target in work.targets)


def _parts(former: str, section: str, kept: Collection[str]) -> str:
    heading, *own = _PART.split(section)
    found = {_title(part): part for part in _PART.split(former)[1:] if _title(part) in kept}
    found |= {_title(part): part for part in own}
    known = [found[work.title] for work in WORKS.values() if work.title in found]
    return "\n\n".join(part.strip() for part in (heading, *known))


def _title(part: str) -> str:
    return part.partition("\n")[0].removeprefix("### ")


def _intro(former: str, section: str, measured: Collection[Work]) -> str:
    """The machines, and when each work was measured: `name 2026-11-22 06:46 at ...`. What is told of other machines
    stays, since they measured the rest."""
    names = {work.name for work in measured}
    if NO_PEERS in section and (peers := re.search(r"^Peers: .*$", former, re.M)):
        section = re.sub(r"^Peers: .*$", lambda _: peers[0], section, flags=re.M)
    machines = [line for text in (former, section) for line in re.findall(_MACHINE, text, re.M)]
    section = re.sub(_MACHINE, lambda _: "\n".join(dict.fromkeys(machines)), section, flags=re.M)
    before = [one for one in _measured(former) if one.split(" ")[0] not in names]
    now = [one for one in _measured(section) if one.split(" ")[0] in names]
    return re.sub(
        r"^Measured \(UTC\): .*$", lambda _: f"Measured (UTC): {'; '.join(before + now)}.", section, flags=re.M
    )


def _measured(intro: str) -> list[str]:
    found = re.search(r"^Measured \(UTC\): (.*)\.$", intro, re.M)
    return found[1].split("; ") if found else []
