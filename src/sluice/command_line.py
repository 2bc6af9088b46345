"""The subcommands of `sluice`, one row each. To add one, write a function `(args) -> exit status` and add its row."""

from __future__ import annotations

import argparse

from sluice.subcommand import Argument, Command, flag, value

EXPORT = Argument("export", "the export's name: its file name without .yaml")
EXPORTS = Argument(
    "exports", "the exports' names: their file names without .yaml", (("nargs", "*"), ("metavar", "EXPORT"))
)


WAIT = flag("--wait", "wait until the runs have finished, then print what each delivered or why it failed")
MODE = value("--mode", "full, incremental or changes, if the export supports it", "MODE")
FEEDS = value("--feeds", "deliver only these segments or datasets", "FEED", nargs="+", default=())
WINDOW = value("--window", "deliver what was added between these two times", "TIME", nargs=2)
RELEASE = flag("--release", "deliver even if the run would be held because of its counts")
DRY_RUN = flag("--dry-run", "check, select and count the rows; send nothing")
NEW = Argument("new", "the new export's name")
PREVIEW = flag("--dry-run", "print the change; write nothing")

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
        "audit",
        "sluice.commands.audit:audit",
        "show who changed what, newest first",
        (
            Argument(
                "export",
                "only what concerns this export; `connection NAME` or `catalog` for other subjects",
                (("nargs", "?"), ("metavar", "EXPORT")),
            ),
            Argument("-n", "number of entries; default: 20", (("type", int), ("default", 20), ("metavar", "ENTRIES"))),
            Argument("--json", "print every field, one JSON object per line", (("action", "store_true"),)),
        ),
    ),
    Command(
        "backfill",
        "sluice.commands.backfill:backfill",
        "deliver again what was added between two times, in slices",
        (
            EXPORT,
            value(
                "--from", "start of the range, a date or time in UTC, not included", "TIME", dest="after", required=True
            ),
            value("--to", "end of the range, included", "TIME", dest="until", required=True),
            Argument(
                "--by",
                "one run per hour, day, week or month; default: per scheduled time, else per day",
                (("choices", ("hour", "day", "week", "month")),),
            ),
            flag("--wake-downstream", "also start the exports that follow this one"),
            flag("--dry-run", "print the slices and their manifests; start nothing"),
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
            flag("--dry-run", "list the runs that would be cleaned; change nothing"),
            value("--ended", "confirm that no process of this run is alive, so that it can be cleared", "RUN"),
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
            flag("--write", "add the tables that are not yet declared to catalog/datasets.yaml"),
        ),
    ),
    Command(
        "duplicate",
        "sluice.commands.exports:duplicate",
        "create an export from another one; the copy is switched off",
        (EXPORT, NEW, PREVIEW),
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
        (flag("--json", "print one JSON object per line"),),
    ),
    Command("path", "sluice.commands.plan:path", "preview the paths of an export's files", (EXPORT,)),
    Command("plan", "sluice.commands.plan:plan", "print what a run would do, without touching anything", (EXPORT,)),
    Command(
        "preview",
        "sluice.commands.preview:preview",
        "show the first rows of an export as they would be delivered; nothing is sent",
        (
            EXPORT,
            value("--rows", "rows of each feed; default: 20", "ROWS", type=int, default=20),
            FEEDS,
            flag("--as-file", "print the rows as a file (CSV, JSON lines or the template) instead of a table"),
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
        "remove",
        "sluice.commands.exports:remove",
        "remove an export's declaration; its deliveries stay",
        (EXPORT, PREVIEW),
    ),
    Command(
        "rename",
        "sluice.commands.exports:rename",
        "give an export another name",
        (EXPORT, NEW, PREVIEW),
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
        "roles",
        "sluice.commands.roles:roles",
        "print the roles that Airflow's FAB auth manager needs and lacks",
        (flag("--write", "create them, give them what they lack, and let exports' DAGs name them"),),
    ),
    Command(
        "run",
        "sluice.commands.run:run",
        "start exports now, through Airflow",
        (
            EXPORTS,
            flag("--all", "every export with an active schedule"),
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
            value(
                "--outcome", "only runs with these outcomes: published, failed, ...", "OUTCOME", nargs="+", default=()
            ),
            value("--connection", "only runs that deliver to these connections", "NAME", nargs="+", default=()),
            value("-n", "number of exports; default: 100", "EXPORTS", type=int, default=100),
            flag("--json", "print every field, one JSON object per line"),
            flag("--compact", "first pack the days of the index that are over"),
            flag("--rebuild", "first add the reports in staging that the index lacks"),
        ),
    ),
    Command(
        "schedule",
        "sluice.commands.schedule:schedule",
        "change the schedule in exports' files, or switch it on or off",
        (
            EXPORTS,
            flag("--with-refresh", "run after every system refresh"),
            value("--every", "run every 1, 2, 3, 4, 6, 8 or 12 hours", "HOURS"),
            value("--daily", "run every day at this time", "HH:MM"),
            value("--weekly", "run on these weekdays: mon, tue, ...", "DAY", nargs="+"),
            value("--monthly", "run on this day of every month", "DAY", type=int),
            value("--cron", "run on a cron schedule with five fields", "CRON"),
            value(
                "--once",
                "run once, at this time; without a time, as soon as Airflow sees it",
                "TIME",
                nargs="?",
                const="now",
            ),
            value("--after", "run after each delivery of another export", "EXPORT"),
            value("--at", "time of day for --every, --weekly and --monthly", "HH:MM"),
            value(
                "--timezone", "time zone of these times, such as Europe/Budapest; default: unchanged, or UTC", "ZONE"
            ),
            flag("--after-refresh", "wait until a system refresh has finished at or after the scheduled time"),
            value("--start", "no run starts before this date; `none` removes it", "DATE"),
            value("--end", "no run starts after this date; `none` removes it", "DATE"),
            value(
                "--stagger", "spread exports that are due at the same time over this span; `none` removes it", "TIME"
            ),
            flag("--on", "switch the schedule on"),
            flag("--off", "switch the schedule off; the file keeps it"),
            flag("--keep", "keep each export's own schedule, and switch it on"),
            flag("--dry-run", "print the changes; write nothing"),
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
            value("--connection", "the connection that delivered it, if more than one could have", "NAME"),
        ),
    ),
)
