"""Versions: what this package supports, what is installed here, and what the workers have."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from importlib.metadata import PackageNotFoundError, requires, version

from sluice.doctor.check import Check, error, many, ok, warning
from sluice.doctor.workers import Seen
from sluice.extras import DISTRIBUTION

NAME = "versions"
_DECIDING = ("sluice", "airflow", "python", "pyarrow", "polars", "duckdb", "isal")
"""Whose difference between two workers may change bytes or staging; patch releases of Python do not."""


def check_versions(here: Mapping[str, str], seen: Sequence[Seen]) -> Iterator[Check]:
    """Installed versions outside the supported ranges, and workers that differ from this machine."""
    wrong = list(_unsupported())
    yield from wrong
    differing = list(_differing(here, seen))
    yield from differing
    if not wrong and not differing:
        known = ", ".join(f"{name} {here[name]}" for name in _DECIDING if name in here)
        same = f"; the same on {many(len(seen), 'worker')}" if seen else ""
        yield ok(NAME, f"{known}{same}")


def _unsupported() -> Iterator[Check]:
    from packaging.requirements import Requirement

    try:
        declared = [Requirement(text) for text in requires(DISTRIBUTION) or ()]
    except PackageNotFoundError:  # a checkout on PYTHONPATH: requirements.txt pins everything
        return
    for one in declared:
        try:
            found = version(one.name)
        except PackageNotFoundError:
            if one.marker is None:
                yield error(NAME, f"{one.name} is not installed", f"pip install '{one}'")
            continue
        if not one.specifier.contains(found, prereleases=True):
            yield error(
                NAME,
                f"{one.name} {found} is installed, and Sluice supports {one.specifier}",
                f"pip install '{one.name}{one.specifier}', on every machine that runs Airflow",
            )


def _differing(here: Mapping[str, str], seen: Sequence[Seen]) -> Iterator[Check]:
    for one in seen:
        theirs = one.worker.versions
        found = [
            f"{name} {theirs.get(name, 'missing')} (here {here[name]})"
            for name in _DECIDING
            if name in here and _significant(name, theirs.get(name)) != _significant(name, here[name])
        ]
        if found:
            yield warning(
                NAME,
                f"worker {one.worker.host} has {', '.join(found)}",
                "install the same versions on every worker: a run that is continued by another version may be refused,"
                " and a resent file may differ",
            )


def _significant(name: str, found: str | None) -> str | None:
    return ".".join(found.split(".")[:2]) if found and name == "python" else found
