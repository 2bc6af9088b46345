"""The commands that foresee, start, repeat and clear runs."""

from __future__ import annotations

from sluice.command_line.arguments import AGAIN, DRY_RUN, EXPORT, EXPORTS, FEEDS, MODE, RELEASE, WAIT, WINDOW
from sluice.subcommand import Argument, Command, flag, value

COMMANDS = (
    Command(
        "backfill",
        "sluice.commands.backfill:backfill",
        "deliver again what was added between two times, in slices",
        (
            EXPORT,
            value("--from", "start of the range, a date or time in UTC, excluded", "TIME", dest="after", required=True),
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
        "clean",
        "sluice.commands.clean:clean",
        "remove what an export's dead runs left behind, and the deliveries that its `retention` does not keep",
        (
            EXPORT,
            flag("--dry-run", "list the runs that would be cleaned, and what would be removed; change nothing"),
            value("--ended", "confirm that no process of this run is alive, so that it can be cleared", "RUN"),
        ),
    ),
    Command(
        "deliver",
        "sluice.commands.deliver:deliver",
        "run one export in this process, without Airflow's scheduler: for a first test and for CI",
        (EXPORT, MODE, FEEDS, WINDOW, RELEASE, AGAIN, DRY_RUN),
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
        "refresh",
        "sluice.commands.refresh:refresh",
        "start the system refresh, wait until it finishes, and show the result of each segment",
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
            flag("--all", "every export with an active schedule"),
            MODE,
            FEEDS,
            WINDOW,
            RELEASE,
            AGAIN,
            DRY_RUN,
            WAIT,
        ),
    ),
)
