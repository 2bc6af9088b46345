"""`python -m local up | down | demo | lake | cluster | soak`: the commands that the Makefile calls."""

from __future__ import annotations

import argparse
import json
import signal
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import get_args

from local import lake
from local.airflow import Airflow
from local.cluster import Cluster
from local.demo import Demo
from local.layout import Executor, Layout
from local.soak import failures, soak
from sluice.errors import SluiceError, shown_by_a_command


def up(layout: Layout, _: argparse.Namespace) -> int:
    """Start Airflow in the background and print its address."""
    began = time.monotonic()
    airflow = Airflow(layout)
    address = airflow.start(say=print)
    executor = airflow.environment()["AIRFLOW__CORE__EXECUTOR"]
    print(f"Airflow is ready after {time.monotonic() - began:.0f} s\n")
    print(f"  {address.url}\n  user {address.user}, password {address.password}\n  {executor}\n")
    if executor.lower() != f"{layout.executor}executor":
        print(f"It was already running. To use the {layout.executor} executor, run `make down` first.")
    print("`sluice airflow ...` runs Airflow's own commands there; `make down` stops it.")
    return 0


def down(layout: Layout, _: argparse.Namespace) -> int:
    """Stop what `up` started."""
    Airflow(layout).stop()
    return 0


def run_demo(layout: Layout, arguments: argparse.Namespace) -> int:
    """Make a lake, run the system refresh, deliver every export that follows it."""
    return Demo(layout).run(arguments.scale)


def make_lake(layout: Layout, arguments: argparse.Namespace) -> int:
    """Make the demo's lake, and nothing else."""
    folder = layout.root / "lake" / "tpch"
    print(f"{'made' if lake.make(folder, arguments.scale) else 'already there'}: {folder}")
    return 0


def run_cluster(layout: Layout, arguments: argparse.Namespace) -> int:
    """Run one export on Celery workers that share no disk, kill one of them, and compare what was delivered."""
    rows = arguments.rows or round(arguments.scale * lake.LINE_ITEMS)
    cluster = Cluster(
        layout.home / "cluster",
        rows,
        arguments.workers,
        pin=arguments.pin,
        kill=not arguments.no_kill,
        broker=arguments.kill_broker,
    )
    return cluster.run()


def run_soak(layout: Layout, arguments: argparse.Namespace) -> int:
    """Run a load test of the metadata database, and print the results."""
    report = soak(layout.home, arguments.minutes, sqlite=arguments.sqlite)
    print(json.dumps(report, indent=2))
    return 1 if failures(report) else 0


COMMANDS: dict[str, Callable[[Layout, argparse.Namespace], int]] = {
    "up": up,
    "down": down,
    "demo": run_demo,
    "lake": make_lake,
    "cluster": run_cluster,
    "soak": run_soak,
}


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m local")
    commands = parser.add_subparsers(dest="command", required=True)
    parsers = {name: commands.add_parser(name, help=command.__doc__) for name, command in COMMANDS.items()}
    for name in ("demo", "lake"):
        parsers[name].add_argument(
            "--scale", type=float, default=1, help="scale factor of TPC-H, default: 1, one gigabyte as text"
        )
    for name in ("up", "demo", "cluster"):
        parsers[name].add_argument("--workers", type=_positive, default=2, help="Celery workers, default: 2")
    for name in ("up", "demo"):
        parsers[name].add_argument("--executor", choices=get_args(Executor), default="local", help="where tasks run")
    cluster = parsers["cluster"]
    cluster.add_argument("--scale", type=float, default=0.1, help="scale factor of TPC-H, default: 0.1")
    cluster.add_argument("--rows", type=_positive, help="about so many line items, instead of a scale")
    cluster.add_argument("--pin", action="store_true", help="give each worker one core")
    cluster.add_argument("--no-kill", action="store_true", help="kill no worker")
    cluster.add_argument("--kill-broker", action="store_true", help="kill the broker with the worker")
    parsers["soak"].add_argument("--minutes", type=float, default=60, help="duration, default: 60")
    parsers["soak"].add_argument("--sqlite", action="store_true", help="use SQLite, for comparison")
    return parser


def _positive(text: str) -> int:
    if not text.isdecimal() or int(text) < 1:
        raise argparse.ArgumentTypeError(f"not a whole number of at least 1: {text!r}")
    return int(text)


def main(words: Sequence[str], layout: Layout) -> int:
    """Run one command. If a signal ends it, it first stops what it started."""
    for ending in (signal.SIGTERM, signal.SIGHUP):
        signal.signal(ending, lambda number, _: sys.exit(128 + number))
    arguments = _parser().parse_args(words)
    try:
        with shown_by_a_command():
            return _run(layout, arguments)
    except KeyboardInterrupt:
        return 128 + signal.SIGINT


def _run(layout: Layout, arguments: argparse.Namespace) -> int:
    if "executor" in arguments:
        layout = replace(layout, executor=arguments.executor, workers=arguments.workers)
    try:
        return COMMANDS[arguments.command](layout, arguments)
    except SluiceError as error:
        print(error.page(), file=sys.stderr)
        return 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:], Layout()))
