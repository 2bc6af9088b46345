"""This machine: the memory and the disk that its processes may use."""

from __future__ import annotations

import shutil
import tempfile
from pathlib import Path
from typing import NamedTuple

_CGROUP = Path("/sys/fs/cgroup")
_MEMINFO = Path("/proc/meminfo")


class Memory(NamedTuple):
    """Bytes; 0 if the system does not say."""

    total: int
    free: int


def memory(meminfo: Path = _MEMINFO, cgroup: Path = _CGROUP) -> Memory:
    """The memory of the machine, or of the container if that has less."""
    found = _meminfo(meminfo)
    most, used = _number(cgroup / "memory.max"), _number(cgroup / "memory.current")
    if most is None or (found.total and most >= found.total):
        return found
    left = max(0, most - (used or 0))
    return Memory(most, min(left, found.free) if found.total else left)


def _meminfo(file: Path) -> Memory:
    try:
        lines = file.read_text().splitlines()
    except OSError:  # another system than Linux
        return Memory(0, 0)
    kilobytes = {name: int(rest.split()[0]) for name, _, rest in (line.partition(":") for line in lines) if rest}
    return Memory(kilobytes.get("MemTotal", 0) * 1024, kilobytes.get("MemAvailable", 0) * 1024)


def _number(file: Path) -> int | None:
    """The number in a file; None if there is none, or it says `max`."""
    try:
        text = file.read_text().strip()
    except OSError:
        return None
    return int(text) if text.isdigit() else None


def temporary() -> tuple[str, int]:
    """The folder that SQL engines spill to, and its free bytes; 0 if there is no such folder."""
    try:
        folder = tempfile.gettempdir()
        return folder, shutil.disk_usage(folder).free
    except OSError:  # no folder can be written to: the disk is full
        return tempfile.tempdir or "", 0
