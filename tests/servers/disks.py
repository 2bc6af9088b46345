"""A disk that is soon full."""

from __future__ import annotations

import os
import shutil
import subprocess
from contextlib import ExitStack
from pathlib import Path

import pytest


def small_disk(folder: Path, until: ExitStack, mib: int = 8) -> Path:
    """A disk of so many MiB, mounted until the stack unwinds."""
    if os.geteuid() != 0 or shutil.which("mount") is None:
        pytest.skip("a small disk of its own takes root, to mount it")
    disk = folder / "disk"
    disk.mkdir()
    options = f"size={mib}m,mode=777"
    if subprocess.run(["mount", "-t", "tmpfs", "-o", options, "tmpfs", disk], check=False).returncode:
        pytest.skip("this machine does not let its root mount a disk")
    until.callback(subprocess.run, ["umount", "-l", disk], check=True)
    return disk
