"""The commands that show what was delivered, and compare it with the destination."""

from __future__ import annotations

from sluice.command_line.arguments import EXPORT
from sluice.subcommand import Argument, Command, flag, value

DETAILS = ("connection", "export", "month")

COMMANDS = (
    Command(
        "receipt",
        "sluice.commands.receipt:receipt",
        "keep what Audience Manager or Adobe Target has made of a delivery with its run",
        (
            EXPORT,
            Argument(
                "file",
                "Audience Manager's mail, or its text; `-` reads it from standard input. Without it, Adobe Target is"
                " asked",
                (("metavar", "FILE"), ("nargs", "?")),
            ),
            value("--run", "the run; default: the last one, of the last 50, that has the files of the mail", "RUN"),
        ),
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
        "runs",
        "sluice.commands.runs:runs",
        "show the last run of every export",
        (
            value("--outcome", "only runs that ended so: published, failed, ...", "OUTCOME", nargs="+", default=()),
            value("--connection", "only runs that deliver to these connections", "NAME", nargs="+", default=()),
            value("-n", "number of exports; default: 100", "EXPORTS", type=int, default=100),
            flag("--json", "print every field, one JSON object per line"),
            flag("--compact", "first pack the days of the index that are over"),
            flag("--rebuild", "first add the reports in staging that the index lacks"),
            value(
                "--manifests", "first add deliveries from manifests at these connections", "NAME", nargs="+", default=()
            ),
        ),
    ),
    Command(
        "subject",
        "sluice.commands.subject:subject",
        "list the deliveries that held a person, for requests to be forgotten",
        (
            Argument("key", "the person's key in its dataset; `-` reads it from standard input", (("metavar", "KEY"),)),
            value("--dataset", "only deliveries of this dataset", "DATASET"),
            value("--days", "how many days to search; default: 90", "DAYS", type=int, default=90),
            flag("--json", "print one JSON object per line"),
        ),
    ),
    Command(
        "usage",
        "sluice.commands.usage:usage",
        "show what was delivered in a contract year, what the licence grants, and the forecast",
        (
            value("--year", "the calendar year in which the contract year starts; default: now", "YEAR", type=int),
            value(
                "--by", "a line per connection (default), export or month", "BY", choices=DETAILS, default=DETAILS[0]
            ),
            flag("--json", "print one JSON object"),
            flag("--csv", "print the lines as CSV"),
        ),
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
