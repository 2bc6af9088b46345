"""The commands of `sluice`: one row each. A new one is a function `(args) -> exit status` and a row here."""

from __future__ import annotations

import argparse
from collections.abc import Callable
from dataclasses import dataclass
from importlib import import_module
from typing import Any


@dataclass(frozen=True)
class Argument:
    """An argument of a command: its name or flag, what it means, and argparse's further options."""

    name: str
    help: str
    options: tuple[tuple[str, Any], ...] = ()


@dataclass(frozen=True)
class Command:
    """One subcommand: `function` is "module:function", imported when the command runs."""

    name: str
    function: str
    help: str
    arguments: tuple[Argument, ...] = ()
    reads: bool = True
    """Whether it reads the declarations: then it has `--include`."""
    passes: bool = False
    """Whether it passes every word on, options too."""

    def run(self, args: argparse.Namespace) -> int:
        module, _, attribute = self.function.partition(":")
        function: Callable[[argparse.Namespace], int] = getattr(import_module(module), attribute)
        return function(args)


EXPORT = Argument("export", "the export's name: its file's, without .yaml")
EXPORTS = Argument("exports", "their names: their files', without .yaml", (("nargs", "*"), ("metavar", "EXPORT")))


def _flag(name: str, help: str) -> Argument:  # noqa: A002 - argparse's word
    return Argument(name, help, (("action", "store_true"),))


def _value(name: str, help: str, metavar: str, **options: Any) -> Argument:  # noqa: A002
    return Argument(name, help, (("metavar", metavar), *options.items()))


WAIT = _flag("--wait", "until the runs have ended; then say what each has delivered, or why it has failed")
MODE = _value("--mode", "full, incremental or changes, where the export has it", "MODE")
FEEDS = _value("--feeds", "only these segments or datasets", "FEED", nargs="+", default=())
WINDOW = _value("--window", "what was added in this slice of time", "TIME", nargs=2)
RELEASE = _flag("--release", "go on where the export would hold the run for its counts")
DRY_RUN = _flag("--dry-run", "check, choose and count the rows, and send nothing")

COMMANDS = (
    Command(
        "airflow",
        "sluice.commands.airflow:airflow",
        "Airflow's own command, for the local Airflow if one runs: `sluice airflow dags list`",
        (Argument("words", "what follows `airflow`", (("nargs", argparse.REMAINDER), ("metavar", "WORD"))),),
        reads=False,
        passes=True,
    ),
    Command(
        "backfill",
        "sluice.commands.backfill:backfill",
        "deliver again what was added between two moments, slice by slice",
        (
            EXPORT,
            _value("--from", "a date or a time, in UTC: what was added later", "TIME", dest="after", required=True),
            _value("--to", "and up to this one", "TIME", dest="until", required=True),
            Argument(
                "--by",
                "a run for each hour, day, week or month; for each time of the schedule, if it has a clock, or day",
                (("choices", ("hour", "day", "week", "month")),),
            ),
            _flag("--wake-downstream", "tell those who follow the export of each delivery"),
            _flag("--dry-run", "print the slices and their manifests, and start nothing"),
            WAIT,
        ),
    ),
    Command(
        "check",
        "sluice.commands.check:check",
        "read every declaration and show what is wrong",
        (
            Argument(
                "--connect",
                "also try these connections, or all: write, read and remove a small file; look at the data too",
                (("nargs", "*"), ("metavar", "CONNECTION")),
            ),
        ),
    ),
    Command(
        "clean",
        "sluice.commands.clean:clean",
        "remove what an export's dead runs have left behind",
        (
            EXPORT,
            _flag("--dry-run", "name the runs that would be looked into, and touch nothing"),
            _value("--ended", "vouch that no process of this run is alive, so that it can be cleared", "RUN"),
        ),
    ),
    Command(
        "deliver",
        "sluice.commands.deliver:deliver",
        "run one export in this process, without Airflow's scheduler: for a first try, and for CI",
        (EXPORT, MODE, FEEDS, WINDOW, RELEASE, DRY_RUN),
    ),
    Command(
        "discover",
        "sluice.commands.discover:discover",
        "print a dataset declaration for each table that a connection holds",
        (
            Argument("connection", "the Airflow connection of a filesystem or a SQL database"),
            Argument(
                "path",
                "the folder to look in, on S3, GCS and Azure with the bucket first; of a database, one schema",
                (("nargs", "?"),),
            ),
            _flag("--write", "add what is not declared yet to catalog/datasets.yaml"),
        ),
    ),
    Command(
        "init",
        "sluice.commands.init:init",
        "write a new project: DAG file, declarations with comments, requirements, connections, editor settings",
        (Argument("folder", "a new or empty folder"),),
        reads=False,
    ),
    Command(
        "list",
        "sluice.commands.list:list_exports",
        "show the exports: kind, connection, schedule, and whether it will start another run",
        (_flag("--json", "a JSON value a line"),),
    ),
    Command("path", "sluice.commands.plan:path", "preview where an export's files would go", (EXPORT,)),
    Command("plan", "sluice.commands.plan:plan", "print what a run would do, without touching anything", (EXPORT,)),
    Command(
        "preview",
        "sluice.commands.preview:preview",
        "show the first rows of an export as they would be delivered; nothing is sent",
        (
            EXPORT,
            _value("--rows", "how many of each feed; default 20", "ROWS", type=int, default=20),
            FEEDS,
            _flag("--as-file", "print the text of a file instead of a table: CSV, JSON lines or the template"),
        ),
    ),
    Command(
        "pools", "sluice.commands.pools:pools", "print the pools of connections, for `sluice airflow pools import`"
    ),
    Command(
        "refresh",
        "sluice.commands.refresh:refresh",
        "start the system refresh, wait for its end, and show what each segment came to",
    ),
    Command(
        "report",
        "sluice.commands.report:report",
        "show what became of an export's last runs",
        (
            EXPORT,
            Argument("-n", "how many runs, 10 unless told", (("type", int), ("default", 10), ("metavar", "RUNS"))),
            Argument("--json", "everything that is known of each, a JSON value a line", (("action", "store_true"),)),
        ),
    ),
    Command(
        "resend",
        "sluice.commands.run:resend",
        "deliver a former run again: the same names, the same bytes",
        (EXPORT, Argument("run", "the run's id in Airflow, or the one in its manifest's name"), WAIT),
    ),
    Command(
        "run",
        "sluice.commands.run:run",
        "start exports now, through Airflow",
        (
            EXPORTS,
            _flag("--all", "every export with an active schedule"),
            MODE,
            FEEDS,
            WINDOW,
            RELEASE,
            DRY_RUN,
            WAIT,
        ),
    ),
    Command(
        "schedule",
        "sluice.commands.schedule:schedule",
        "write another schedule into exports' files, or switch theirs on or off",
        (
            EXPORTS,
            _flag("--with-refresh", "after every system refresh"),
            _value("--every", "1, 2, 3, 4, 6, 8 or 12 hours", "HOURS"),
            _value("--daily", "the time of day", "HH:MM"),
            _value("--weekly", "mon, tue, ...", "DAY", nargs="+"),
            _value("--monthly", "the day of the month", "DAY", type=int),
            _value("--cron", "five cron fields", "CRON"),
            _value("--once", "one time: then, or as soon as Airflow sees it", "TIME", nargs="?", const="now"),
            _value("--after", "after each delivery of another export", "EXPORT"),
            _value("--at", "the time of day of --every, --weekly and --monthly", "HH:MM"),
            _value("--timezone", "of these times, such as Europe/Budapest; default: as it was, else UTC", "ZONE"),
            _flag("--after-refresh", "go on only once a system refresh has ended by then"),
            _value("--start", "nothing runs before; `none` for no start", "DATE"),
            _value("--end", "nothing runs after; `none` for no end", "DATE"),
            _value("--stagger", "exports that are due together begin within this span; or `none`", "TIME"),
            _flag("--on", "switch it on"),
            _flag("--off", "switch it off; the schedule stays written down"),
            _flag("--keep", "leave each export its own schedule, and switch it on"),
            _flag("--dry-run", "print what would change, and write nothing"),
        ),
    ),
    Command(
        "schema",
        "sluice.commands.schema:schema",
        "print the JSON Schema of a kind of file, or write all of them with the reference of every key",
        (
            Argument("kind", "connection, datasets, export, project, refreshes or segments", (("nargs", "?"),)),
            Argument("--write", "write schema/*.json and declarations.md into this folder", (("metavar", "DOCS"),)),
        ),
        reads=False,
    ),
    Command(
        "verify",
        "sluice.commands.verify:verify_manifest",
        "read a delivery again and compare it with its manifest",
        (
            Argument("manifest", "the manifest's address, as the delivery's report shows it"),
            _value("--connection", "the connection that delivered it, where more than one may have", "NAME"),
        ),
    ),
)
