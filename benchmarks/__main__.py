"""`python -m benchmarks`: measure, write RESULTS.md, and say in the last line what was missed.

Works that are not run keep their last results: `make bench WORKS=memory` measures one and writes the whole report.
"""

from __future__ import annotations

import argparse
import json
import shutil
import subprocess
import sys

from benchmarks import report
from benchmarks.dag import DagRounds
from benchmarks.destinations import DeliveryRounds
from benchmarks.kept import merged
from benchmarks.memory import CaseRounds
from benchmarks.parts import Steps
from benchmarks.place import HOME, REPORT, REPOSITORY, RESULTS, environment
from benchmarks.runs import Result, Rounds
from benchmarks.work import GROUPS, WORKS

LIMITED = ("ndjson", "csv", "parquet")
"""Works whose steps are measured one by one too."""
_ROUNDS: dict[str, type[Rounds]] = {
    "dag": DagRounds,
    "s3": DeliveryRounds,
    "sftp": DeliveryRounds,
    "memory": CaseRounds,
}
"""How a work is measured that is not a process for each subject."""


def main() -> int:
    """Exit status 0 whatever the figures are: the last line says."""
    arguments = _arguments()
    HOME.mkdir(exist_ok=True)
    for name in (name for asked in arguments.works for name in GROUPS.get(asked, (asked,))):
        work = WORKS[name]
        print(f"{work.title}", flush=True)
        rounds = _ROUNDS.get(name, Rounds)
        rounds(work, arguments.rows, arguments.peer_rows or arguments.rows).run(arguments.rounds).save()
        shutil.rmtree(HOME / "out", ignore_errors=True)
    results = {name: _result(name) for name in WORKS if (RESULTS / f"{name}.json").exists()}
    if not results.keys().isdisjoint(LIMITED):
        _measure_parts()
    before = REPORT.read_text() if REPORT.exists() else ""
    REPORT.write_text(merged(before, report.rendered(results, _parts()), {WORKS[name] for name in results}))
    print(f"\n{REPORT.relative_to(REPOSITORY)} is written")
    print(report.last_line(results))
    return 0


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m benchmarks")
    parser.add_argument("--rows", type=int, default=5_000_000)
    parser.add_argument(
        "--peer-rows", type=int, help="the number of rows for the peers, if it is smaller (default: --rows)"
    )
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--works", nargs="+", choices=sorted([*WORKS, *GROUPS]), default=list(WORKS))
    return parser.parse_args()


def _result(name: str) -> Result:
    return Result.model_validate_json((RESULTS / f"{name}.json").read_text())


def _measure_parts() -> None:
    """In a process of its own, whose Polars has one thread too."""
    env = environment() | {"POLARS_MAX_THREADS": "1"}
    found = subprocess.run([sys.executable, "-m", "benchmarks.parts"], env=env, stdout=subprocess.PIPE, check=True)
    (RESULTS / "parts.json").write_bytes(found.stdout)


def _parts() -> dict[str, Steps]:
    path = RESULTS / "parts.json"
    found = json.loads(path.read_text()) if path.exists() else {}
    return {name: Steps.model_validate(steps) for name, steps in found.items()}


if __name__ == "__main__":
    sys.exit(main())
