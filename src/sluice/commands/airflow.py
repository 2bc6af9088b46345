"""`sluice airflow`: Airflow's own command, for the Airflow that runs the exports."""

from __future__ import annotations

import io
import json
import os
import re
import socket
import sys
from argparse import Namespace
from collections.abc import Mapping, Sequence
from contextlib import redirect_stdout
from getpass import getpass
from typing import NoReturn
from urllib.parse import urlsplit

from sluice.airflow.local import running
from sluice.errors import FatalError
from sluice.where import where

_ASKED = re.compile(r'^@([A-Z][A-Z0-9_]*)$|"@([A-Z][A-Z0-9_]*)"')
"""A value of `connections add` that is asked for: a word, or a text in an extra."""


def airflow(args: Namespace) -> int:
    """Replace this process by `airflow WORD...`, with its output and exit status. It uses the local Airflow if one is
    running, otherwise the one that the environment describes, as on the machines of a deployment.

    In `connections add`, `@NAME` is the value of the environment variable NAME or, if there is none, is asked for
    without an echo. It is then in no argument of a process, and not in Airflow's log or output.

    Raises `FatalError` if the local Airflow has died."""
    local = running()
    if local is None and where().local.exists():
        home = os.environ.get("AIRFLOW_HOME", "~/airflow")
        print(f"the local Airflow is not running; this is the Airflow of {home}", file=sys.stderr)
    if local and not _answers(local.url):
        raise FatalError(
            f"the local Airflow was started at {local.url}, but nothing answers there",
            next_step="start it again: `make up`",
        )
    environment = local.environment if local else {**os.environ}
    if args.words[:2] == ["connections", "add"] and any(map(_ASKED.search, args.words)):
        return _add(args.words, environment)
    return _become(args.words, environment)


def _become(words: Sequence[str], environment: Mapping[str, str]) -> NoReturn:
    sys.stdout.flush()
    sys.stderr.flush()
    argv = [sys.executable, "-P", "-m", "airflow", *words]  # -P: the working folder must not shadow modules
    os.execve(argv[0], argv, environment)  # noqa: S606 - no shell


def _add(words: Sequence[str], environment: Mapping[str, str]) -> int:
    """Add the connection in this process, and show nothing that Airflow prints: it prints the connection."""
    filled = [_ASKED.sub(_filled, word) for word in words]
    os.environ.clear()
    os.environ.update(environment)
    from sluice.airflow.private import run_command

    with redirect_stdout(io.StringIO()):
        run_command(filled)
    print("the connection is stored")
    return 0


def _filled(found: re.Match[str]) -> str:
    name = found[1] or found[2]
    value = os.environ.get(name)
    if value is None:
        value = getpass(f"{name.replace('_', ' ').lower()}: ")
    return value if found[1] else json.dumps(value)


def _answers(url: str) -> bool:
    address = urlsplit(url)
    try:
        socket.create_connection((address.hostname, address.port or 80), timeout=5).close()
    except OSError:
        return False
    return True
