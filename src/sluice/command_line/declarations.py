"""The commands that create, check, list and describe declarations."""

from __future__ import annotations

from sluice.subcommand import Argument, Command, flag, maybe

COMMANDS = (
    Command(
        "audit",
        "sluice.commands.audit:audit",
        "show who changed what, newest first",
        (
            maybe(
                "export", "only what concerns this export; `connection NAME` or `catalog` for other subjects", "EXPORT"
            ),
            Argument("-n", "number of entries; default: 20", (("type", int), ("default", 20), ("metavar", "ENTRIES"))),
            Argument("--json", "print every field, one JSON object per line", (("action", "store_true"),)),
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
        "guardrails",
        "sluice.commands.guardrails:guardrails",
        "list the rules of what may be delivered, with their verdicts in this project",
        (
            Argument("name", "a rule, to read all about it", (("nargs", "?"),)),
            flag("--json", "print every field, one JSON object per line"),
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
        (flag("--json", "print one JSON object per line"),),
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
)
