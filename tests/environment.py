"""What tests share of the process: its temporary files, and variables that outlast the test that has set them."""

from __future__ import annotations

import os
import tempfile

_IN_MEMORY = "/dev/shm"
_NEEDED = 8 << 30
"""Bytes of memory that the temporary files of all tests may take. A run has taken 4.8 GB."""
_lasting: set[str] = set()


def write_to_memory() -> None:
    """Have this process and its children write temporary files to memory, if there is enough of it and programs may run
    from there, and nobody has chosen a folder: `TMPDIR=/tmp make test`. The tests of faults, which write small files,
    take a third less time."""
    if "TMPDIR" in os.environ or not os.access(_IN_MEMORY, os.W_OK):
        return
    there = os.statvfs(_IN_MEMORY)
    if there.f_bavail * there.f_frsize >= _NEEDED and not there.f_flag & os.ST_NOEXEC:
        os.environ["TMPDIR"] = tempfile.tempdir = _IN_MEMORY


def declare(variable: str, value: str) -> None:
    """Set a variable until `withdraw`: servers run for many tests, and so do their connections."""
    _lasting.add(variable)
    os.environ[variable] = value


def withdraw(variable: str) -> None:
    _lasting.discard(variable)
    os.environ.pop(variable, None)


def forget_connections(before: set[str]) -> None:
    """Remove the Airflow connections that were not there `before`, except declared ones: a command that a test has run
    in this process may have put them there, where the tests after it would find them."""
    for name in set(os.environ) - before - _lasting:
        if name.startswith("AIRFLOW_CONN_"):
            del os.environ[name]
