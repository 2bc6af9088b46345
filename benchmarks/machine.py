"""Where it was measured, and with which versions."""

from __future__ import annotations

import os
import platform
import shutil
import subprocess
from importlib.metadata import version
from pathlib import Path

from benchmarks.place import PEERS, REPOSITORY

OURS = ("pyarrow", "polars", "duckdb", "isal", "apache-airflow")
THEIRS = ("duckdb", "polars", "pyspark", "dlt", "pandas", "pyarrow")


NO_PEERS = "not installed"


def described() -> list[str]:
    """Lines of prose."""
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    return [
        f"{_cpu()}, {cores} cores, {memory:.0f} GB of memory, {platform.system()} {platform.release()}, local disk.",
        f"Sluice: Python {platform.python_version()}, " + ", ".join(f"{name} {version(name)}" for name in OURS) + ".",
        f"Peers: {_peers()}; {_java()}.",
    ]


def commit() -> str:
    """The commit that is measured; `+` where files have changed since."""
    head = _said(["git", "rev-parse", "--short", "HEAD"])
    return head + ("+" if _said(["git", "status", "--porcelain", "--", "src", "benchmarks/*.py"]) else "")


def load() -> float:
    """Processes that want a core, averaged over the last minute."""
    return os.getloadavg()[0]


def _cpu() -> str:
    info = Path("/proc/cpuinfo")
    lines = info.read_text().splitlines() if info.exists() else []
    names = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return names[0] if names else platform.processor() or platform.machine()


def _peers() -> str:
    if not PEERS.exists():
        return NO_PEERS
    names = ", ".join(repr(name) for name in THEIRS)
    code = f"from importlib.metadata import version\nprint(*(f'{{n}} {{version(n)}}' for n in ({names})), sep=', ')"
    return _said([str(PEERS), "-c", code])


def _java() -> str:
    if not shutil.which("java"):
        return "no Java"
    return subprocess.run(["java", "-version"], capture_output=True, text=True, check=False).stderr.splitlines()[0]


def _said(argv: list[str]) -> str:
    return subprocess.run(argv, cwd=REPOSITORY, capture_output=True, text=True, check=True).stdout.strip()
