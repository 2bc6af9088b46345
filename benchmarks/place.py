"""Where everything that the benchmarks make is kept."""

from __future__ import annotations

import os
import shutil
import sys
from pathlib import Path

REPOSITORY = Path(__file__).resolve().parent.parent
HOME = REPOSITORY / ".bench-data"
"""Data, deliveries and results; safe to delete."""
WORLD = HOME / "world"
"""Declarations and staging of Sluice's own runs."""
RESULTS = HOME / "results"
"""One file a work: what its last run measured."""
PEERS = REPOSITORY / ".bench" / "bin" / "python"
REPORT = REPOSITORY / "benchmarks" / "RESULTS.md"


def emptied(folder: Path) -> Path:
    """The folder, without what was in it."""
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    return folder


def settled() -> None:
    """Wait until the disk has everything: nobody pays for what another has written."""
    os.sync()


def environment() -> dict[str, str]:
    """What every measured process gets: this checkout's packages, and compiled bytecode as an installation has it."""
    inherited = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
    return {**inherited, "PYTHONPATH": os.pathsep.join([str(REPOSITORY / "src"), str(REPOSITORY)])}


def own_command(export: str, out: Path) -> list[str]:
    """Sluice's own run of an export."""
    return [sys.executable, "-m", "benchmarks.own", export, str(WORLD), str(HOME), str(out)]


def peer_command(function: str, source: Path, out: Path) -> list[str]:
    """A peer's run; `function` is `module:name`."""
    return [str(PEERS), "-m", "benchmarks.peers", *function.split(":"), str(source), str(out)]
