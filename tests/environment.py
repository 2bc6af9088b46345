"""The variables of the environment that outlast the test that has set them."""

from __future__ import annotations

import os

_lasting: set[str] = set()


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
