"""The subcommands of `sluice`, one row each. To add one, write a function `(args) -> exit status` and add its row."""

from __future__ import annotations

import argparse
from collections.abc import Callable
from dataclasses import dataclass
from importlib import import_module
from typing import Any


@dataclass(frozen=True)
class Argument:
    """An argument of a command: its name or flag, its help text, and more options for argparse."""

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
    """Whether it reads the declarations; if so, it has `--include`."""
    passes: bool = False
    """Whether it passes all its arguments on unparsed, options included."""

    def run(self, args: argparse.Namespace) -> int:
        module, _, attribute = self.function.partition(":")
        function: Callable[[argparse.Namespace], int] = getattr(import_module(module), attribute)
        return function(args)


EXPORT = Argument("export", "the export's name: its file name without .yaml")
EXPORTS = Argument(
    "exports", "the exports' names: their file names without .yaml", (("nargs", "*"), ("metavar", "EXPORT"))
)


def _flag(name: str, help: str) -> Argument:  # noqa: A002 - argparse's word
    return Argument(name, help, (("action", "store_true"),))


def _value(name: str, help: str, metavar: str, **options: Any) -> Argument:  # noqa: A002
    return Argument(name, help, (("metavar", metavar), *options.items()))


WAIT = _flag("--wait", "wait until the runs have finished, then print what each delivered or why it failed")
MODE = _value("--mode", "full, incremental or changes, if the export supports it", "MODE")
FEEDS = _value("--feeds", "deliver only these segments or datasets", "FEED", nargs="+", default=())
WINDOW = _value("--window", "deliver what was added between these two times", "TIME", nargs=2)
RELEASE = _flag("--release", "deliver even if the run would be held because of its counts")
DRY_RUN = _flag("--dry-run", "check, select and count the rows; send nothing")

COMMANDS = (
    Command(
        "airflow",
        "sluice.commands.airflow:airflow",
        "run Airflow's own command, on the local Airflow if it is running: `sluice airflow dags list`",
        (Argument("words", "the arguments of `airflow`", (("nargs", argparse.REMAINDER), ("metavar", "WORD"))),),
        reads=False,
        passes=True,
    ),
    Command(
        "backfill",
        "sluice.commands.backfill:backfill",
        "deliver again what was added between two times, in slices",
        (
            EXPORT,
            _value(
                "--from", "start of the range, a date or time in UTC, not included", "TIME", dest="after", required=True
            ),
            _value("--to", "end of the range, included", "TIME", dest="until", required=True),
            Argument(
                "--by",
                "one run per hour, day, week or month; default: per scheduled time, else per day",
                (("choices", ("hour", "day", "week", "month")),),
            ),
            _flag("--wake-downstream", "also start the exports that follow this one"),
            _flag("--dry-run", "print the slices and their manifests; start nothing"),
            WAIT,
        ),
    ),
    Command(
        "check",
        "sluice.commands.check:check",
        "check every declaration and report what is wrong",
        (
            Argument(
                "--connect",
                "also test these connections (default: all): write, read and remove a small file; check the data too",
                (("nargs", "*"), ("metavar", "CONNECTION")),
            ),
        ),
    ),
    Command(
        "clean",
        "sluice.commands.clean:clean",
        "remove what an export's dead runs left behind",
        (
            EXPORT,
            _flag("--dry-run", "list the runs that would be cleaned; change nothing"),
            _value("--ended", "confirm that no process of this run is alive, so that it can be cleared", "RUN"),
        ),
    ),
    Command(
        "deliver",
        "sluice.commands.deliver:deliver",
        "run one export in this process, without Airflow's scheduler: for a first test and for CI",
        (EXPORT, MODE, FEEDS, WINDOW, RELEASE, DRY_RUN),
    ),
    Command(
        "discover",
        "sluice.commands.discover:discover",
        "print a dataset declaration for each table found at a connection",
        (
            Argument("connection", "the Airflow connection of a filesystem or a SQL database"),
            Argument(
                "path",
                "the folder to search, on S3, GCS and Azure with the bucket first; for a database, the schema",
                (("nargs", "?"),),
            ),
            _flag("--write", "add the tables that are not yet declared to catalog/datasets.yaml"),
        ),
    ),
    Command(
        "init",
        "sluice.commands.init:init",
        "create a project: DAG file, commented declarations, requirements, connections, editor settings",
        (Argument("folder", "a new or empty folder"),),
        reads=False,
    ),
    Command(
        "list",
        "sluice.commands.list:list_exports",
        "list the exports: kind, connection, schedule, and whether another run will start",
        (_flag("--json", "print one JSON object per line"),),
    ),
    Command("path", "sluice.commands.plan:path", "preview the paths of an export's files", (EXPORT,)),
    Command("plan", "sluice.commands.plan:plan", "print what a run would do, without touching anything", (EXPORT,)),
    Command(
        "preview",
        "sluice.commands.preview:preview",
        "show the first rows of an export as they would be delivered; nothing is sent",
        (
            EXPORT,
            _value("--rows", "rows of each feed; default: 20", "ROWS", type=int, default=20),
            FEEDS,
            _flag("--as-file", "print the rows as a file (CSV, JSON lines or the template) instead of a table"),
        ),
    ),
    Command(
        "pools",
        "sluice.commands.pools:pools",
        "print the Airflow pools of the connections, as input for `sluice airflow pools import`",
    ),
    Command(
        "refresh",
        "sluice.commands.refresh:refresh",
        "start the system refresh, wait until it finishes, and show the result of each segment",
    ),
    Command(
        "report",
        "sluice.commands.report:report",
        "show the results of an export's last runs",
        (
            EXPORT,
            Argument("-n", "number of runs; default: 10", (("type", int), ("default", 10), ("metavar", "RUNS"))),
            Argument("--json", "print every field, one JSON object per line", (("action", "store_true"),)),
        ),
    ),
    Command(
        "resend",
        "sluice.commands.run:resend",
        "deliver an earlier run again, with the same names and the same bytes",
        (EXPORT, Argument("run", "the run's id in Airflow, or the id in its manifest's name"), WAIT),
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
        "runs",
        "sluice.commands.runs:runs",
        "show the last run of every export",
        (
            _value(
                "--outcome", "only runs with these outcomes: published, failed, ...", "OUTCOME", nargs="+", default=()
            ),
            _value("--connection", "only runs that deliver to these connections", "NAME", nargs="+", default=()),
            _value("-n", "number of exports; default: 100", "EXPORTS", type=int, default=100),
            _flag("--json", "print every field, one JSON object per line"),
            _flag("--compact", "first pack the days of the index that are over"),
            _flag("--rebuild", "first add the reports in staging that the index lacks"),
        ),
    ),
    Command(
        "schedule",
        "sluice.commands.schedule:schedule",
        "change the schedule in exports' files, or switch it on or off",
        (
            EXPORTS,
            _flag("--with-refresh", "run after every system refresh"),
            _value("--every", "run every 1, 2, 3, 4, 6, 8 or 12 hours", "HOURS"),
            _value("--daily", "run every day at this time", "HH:MM"),
            _value("--weekly", "run on these weekdays: mon, tue, ...", "DAY", nargs="+"),
            _value("--monthly", "run on this day of every month", "DAY", type=int),
            _value("--cron", "run on a cron schedule with five fields", "CRON"),
            _value(
                "--once",
                "run once, at this time; without a time, as soon as Airflow sees it",
                "TIME",
                nargs="?",
                const="now",
            ),
            _value("--after", "run after each delivery of another export", "EXPORT"),
            _value("--at", "time of day for --every, --weekly and --monthly", "HH:MM"),
            _value(
                "--timezone", "time zone of these times, such as Europe/Budapest; default: unchanged, or UTC", "ZONE"
            ),
            _flag("--after-refresh", "wait until a system refresh has finished at or after the scheduled time"),
            _value("--start", "no run starts before this date; `none` removes it", "DATE"),
            _value("--end", "no run starts after this date; `none` removes it", "DATE"),
            _value(
                "--stagger", "spread exports that are due at the same time over this span; `none` removes it", "TIME"
            ),
            _flag("--on", "switch the schedule on"),
            _flag("--off", "switch the schedule off; the file keeps it"),
            _flag("--keep", "keep each export's own schedule, and switch it on"),
            _flag("--dry-run", "print the changes; write nothing"),
        ),
    ),
    Command(
        "schema",
        "sluice.commands.schema:schema",
        "print the JSON Schema of a kind of file, or write all schemas and the reference of every key",
        (
            Argument("kind", "connection, datasets, export, project, refreshes or segments", (("nargs", "?"),)),
            Argument("--write", "write schema/*.json and declarations.md to this folder", (("metavar", "DOCS"),)),
        ),
        reads=False,
    ),
    Command(
        "verify",
        "sluice.commands.verify:verify_manifest",
        "compare a delivery at its destination with its manifest",
        (
            Argument("manifest", "the manifest's address, as the delivery's report shows it"),
            _value("--connection", "the connection that delivered it, if more than one could have", "NAME"),
        ),
    ),
)
