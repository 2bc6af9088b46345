"""Airflow's own store of connections: commands that an import has printed are run against it, as they are.

`python -m tests.servers.airflow_connections FILE` reads commands from standard input, one a line, and writes what the
store then has into the file. One process for all of them: importing Airflow and making its tables takes seconds.
"""

from __future__ import annotations

import json
import os
import shlex
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[2]


def stored(folder: Path, commands: Sequence[str], **environment: str) -> dict[str, dict[str, Any]]:
    """Run the commands against a new store in a folder, with these variables of the environment. Returns the
    connections as Airflow exports them, by their ids."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("AIRFLOW", "SLUICE", "_AIRFLOW"))}
    kept |= {"AIRFLOW_HOME": str(folder), "SLUICE_HOME": str(folder), "AIRFLOW__CORE__LOAD_EXAMPLES": "False"}
    kept |= {"PYTHONPATH": os.pathsep.join([str(ROOT / "src"), str(ROOT)])}
    argv, found = [sys.executable, "-m", "tests.servers.airflow_connections", "stored.json"], folder / "stored.json"
    text = "".join(f"{command}\n" for command in commands)
    done = subprocess.run(
        argv, input=text, env=kept | environment, cwd=folder, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, f"{done.stdout}\n{done.stderr}"
    shown = [value for value in environment.values() if value in done.stdout + done.stderr]
    assert shown == [], "no secret is on the screen"
    return dict(json.loads(found.read_text()))


def main() -> None:
    from airflow.utils.db import upgradedb

    from sluice.airflow.private import run_command
    from sluice.cli import main as command

    upgradedb()
    for line in sys.stdin:
        name, *words = shlex.split(line)
        if (name, command(words)) != ("sluice", 0):
            sys.exit(1)
    run_command(["connections", "export", sys.argv[1], "--file-format", "json"])


if __name__ == "__main__":
    main()
