"""`make fuzz MUTANTS=10000`: whatever stands in the files, there is a clear page, or all is valid and Airflow takes it.

Prints how many were which, and each that was neither. The same number is always the same mutant: `--first N --mutants
1` makes one again, `--keep FOLDER` leaves it there.
"""

from __future__ import annotations

import argparse
import shutil
import sys
import tempfile
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from sluice.airflow.dags import export_dags
from sluice.airflow.names import dag_id
from sluice.definition.load import Loaded, load, load_export
from sluice.errors import DefinitionError
from tests.mutants import mutant
from tests.servers.airflow_store import AirflowStore, airflow_store

UNCLEAR = ("a bug in Sluice", "Traceback", "Input should", "validation error", "<class", "Error(", "pydantic")
"""What no page for a person says."""
LONGEST = 4000
"""Characters of a page."""


@dataclass
class Tally:
    """How many mutants were what."""

    found: Counter[str] = field(default_factory=Counter)
    others: list[str] = field(default_factory=list)
    """What is neither valid nor clear, a sentence each."""

    def __str__(self) -> str:
        total, valid, clear = self.found.total(), self.found["valid"], self.found["clear"]
        return f"{total:,} mutants: {valid:,} valid, {clear:,} clear errors, {self.found['other']:,} others"


def fuzz(first: int, mutants: int, folder: Path, store: AirflowStore | None = None) -> Tally:
    """Make mutants one after another in `folder` and look at what Sluice says, and of valid ones what
    Airflow's database does."""
    tally = Tally()
    for number in range(first, first + mutants):
        include = folder / f"mutant-{number}"
        said = mutant(number, include)
        try:
            loaded = load(include)
            wrong = list(_wrong(include, loaded))
            if not loaded.errors or number % 5 == 0:  # DAGs take most of the time
                wrong += _not_alike(include, loaded)
            if store and not loaded.errors:
                wrong += _not_stored(store, include, loaded)
        except Exception as error:
            wrong, loaded = [f"{type(error).__name__}: {error}"], None
        kind = "other" if wrong or loaded is None else "clear" if loaded.errors else "valid"
        tally.found[kind] += 1
        if wrong:
            tally.others.append(f"{said}\n  {wrong[0]}")
            print(tally.others[-1], end="\n\n", flush=True)
        shutil.rmtree(include)
    return tally


def _wrong(include: Path, loaded: Loaded) -> Iterator[str]:
    """What is wrong with what Sluice says of a folder."""
    for page in (*loaded.errors, *loaded.warnings):
        yield from _unclear(page)
    names = {path.stem for path in (include / "exports").rglob("*.yaml") if _declares(path, include)}
    if names != _all(loaded):
        yield f"exports are missing: {names ^ _all(loaded)}"
    if any(not errors for errors in loaded.broken.values()):
        yield "an export is broken by nothing"
    if loaded.broken and not loaded.errors:
        yield "an export is broken, and no error is shown"


def _not_alike(include: Path, loaded: Loaded) -> Iterator[str]:
    """Where exports by themselves, or their DAGs, differ from what the folder as a whole says."""
    names = _all(loaded)
    for name in names:
        try:
            load_export(include, name)
        except DefinitionError:
            if name in loaded.project.exports:
                yield f"{name} is sound in the folder and broken by itself"
    dags = {dag.dag_id: dag for dag in export_dags(include, None)}
    if set(dags) != {dag_id(name) for name in names}:
        yield f"DAGs are missing: {set(dags) ^ {dag_id(name) for name in names}}"
    yield from (f"{name} has a broken DAG" for name in loaded.project.exports if "broken" in dags[dag_id(name)].tags)


def _all(loaded: Loaded) -> set[str]:
    return {*loaded.project.exports, *loaded.project.detached, *loaded.broken}


def _declares(path: Path, include: Path) -> bool:
    """Whether this is one of the files that declare exports."""
    below = path.relative_to(include / "exports").parts
    return not path.is_dir() and not any(part[0] in "_." for part in below)


def _unclear(error: DefinitionError) -> Iterator[str]:
    page = error.page()
    if error.place is None or error.place.line < 1:
        yield f"a page without a line: {page}"
    if any(word in page for word in UNCLEAR):
        yield f"an unclear page: {page}"
    if len(page) > LONGEST:
        yield f"a page of {len(page)} characters: {page[:500]}"
    if any(not c.isprintable() and c not in "\n\t" for c in page.replace("\xa0", "")):
        yield f"a page that cannot be printed: {page!r}"
    if "  next: " not in page:
        yield f"a page without a next step: {page}"


def _not_stored(store: AirflowStore, include: Path, loaded: Loaded) -> Iterator[str]:
    """What Airflow's database does not take."""
    stored = store.store(include)
    wanted = {dag_id(name) for name in _all(loaded)} | {"system_refresh"}
    if stored.refused:
        yield f"the database refuses: {stored.refused[-2000:]}"
    elif set(stored.dags) != wanted:
        yield f"not in the database: {wanted ^ set(stored.dags)}"
    elif stored.errors:
        yield f"import errors: {stored.errors}"


def main() -> int:
    parser = argparse.ArgumentParser(prog="make fuzz", description=__doc__)
    parser.add_argument("--mutants", type=int, default=10_000)
    parser.add_argument("--first", type=int, default=0, help="the first one's number")
    parser.add_argument("--keep", type=Path, help="only make the first mutant, in this folder, and say what it is")
    arguments = parser.parse_args()
    if arguments.keep:
        print(mutant(arguments.first, arguments.keep))
        return 0
    with tempfile.TemporaryDirectory(prefix="sluice-fuzz-") as folder:
        Path(folder).chmod(0o755)  # as root, the database runs as somebody else
        with airflow_store(Path(folder, "store")) as store:
            tally = fuzz(arguments.first, arguments.mutants, Path(folder), store)
    print(tally)
    return 1 if tally.others else 0


if __name__ == "__main__":
    sys.exit(main())
