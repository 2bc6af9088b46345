"""`python -m local up | down | demo | lake | soak`: what the Makefile calls."""

from __future__ import annotations

import argparse
import json
import signal
import sys
import time
from collections.abc import Callable

from local import lake
from local.airflow import Airflow
from local.demo import Demo
from local.layout import Layout
from local.soak import failures, soak
from sluice.errors import SluiceError


def up(_: argparse.Namespace) -> int:
    """Start Airflow in the background and say where it is."""
    airflow = Airflow(Layout())
    began = time.monotonic()
    if not airflow.running():
        airflow.start(say=print)
        print(f"Airflow is ready after {time.monotonic() - began:.0f} s")
    address = airflow.address()
    print(f"\n  {address.url}\n  user {address.user}, password {address.password}\n\n`make down` stops it.")
    return 0


def down(_: argparse.Namespace) -> int:
    """Stop what `up` started."""
    Airflow(Layout()).stop()
    return 0


def run_demo(arguments: argparse.Namespace) -> int:
    """Make a lake, run the system refresh, deliver every export that follows it."""
    return Demo(Layout()).run(arguments.scale)


def make_lake(arguments: argparse.Namespace) -> int:
    """Make the demo's lake, and nothing else."""
    folder = Layout().root / "lake" / "tpch"
    print(f"{'made' if lake.make(folder, arguments.scale) else 'already there'}: {folder}")
    return 0


def run_soak(arguments: argparse.Namespace) -> int:
    """Load the metadata database for a while, and say how it took it."""
    report = soak(arguments.minutes, sqlite=arguments.sqlite)
    print(json.dumps(report, indent=2))
    return 1 if failures(report) else 0


COMMANDS: dict[str, Callable[[argparse.Namespace], int]] = {
    "up": up,
    "down": down,
    "demo": run_demo,
    "lake": make_lake,
    "soak": run_soak,
}


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m local")
    commands = parser.add_subparsers(dest="command", required=True)
    parsers = {name: commands.add_parser(name, help=command.__doc__) for name, command in COMMANDS.items()}
    for name in ("demo", "lake"):
        parsers[name].add_argument("--scale", type=float, default=1, help="of TPC-H: 1 is a gigabyte as text")
    parsers["soak"].add_argument("--minutes", type=float, default=60)
    parsers["soak"].add_argument("--sqlite", action="store_true", help="on SQLite, to compare")
    return parser


def main() -> int:
    """Run one command. Ended by a signal, it stops what it started first."""
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(128 + signal.SIGTERM))
    arguments = _parser().parse_args()
    try:
        return COMMANDS[arguments.command](arguments)
    except SluiceError as error:
        print(error.page(), file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        return 128 + signal.SIGINT


if __name__ == "__main__":
    sys.exit(main())
