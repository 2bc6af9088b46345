"""The commands that change exports' files."""

from __future__ import annotations

from sluice.command_line.arguments import EXPORT, EXPORTS, NEW, PREVIEW
from sluice.subcommand import Argument, Command, flag, value

COMMANDS = (
    Command(
        "attach",
        "sluice.commands.exports:attach",
        "give an export a connection, or another one",
        (EXPORT, Argument("connection", "the connection's name: its file name without .yaml"), PREVIEW),
    ),
    Command(
        "detach",
        "sluice.commands.exports:detach",
        "take exports' connections away; they stay, and do not run until they are attached again",
        (EXPORTS, PREVIEW),
    ),
    Command(
        "duplicate",
        "sluice.commands.exports:duplicate",
        "create an export from another one; the copy is switched off",
        (EXPORT, NEW, PREVIEW),
    ),
    Command(
        "remove",
        "sluice.commands.exports:remove",
        "remove an export's declaration; its deliveries stay",
        (EXPORT, PREVIEW),
    ),
    Command("rename", "sluice.commands.exports:rename", "give an export another name", (EXPORT, NEW, PREVIEW)),
    Command(
        "schedule",
        "sluice.commands.schedule:schedule",
        "change the schedule in exports' files, or switch it on or off",
        (
            EXPORTS,
            flag("--with-refresh", "run after every system refresh"),
            value(
                "--every",
                "run every 1, 2, 3, 4, 6, 8 or 12 hours, or every hour, day, week or month from the start",
                "HOURS",
            ),
            value("--daily", "run every day at this time", "HH:MM"),
            value("--weekly", "run on these weekdays: mon, tue, ...", "DAY", nargs="+"),
            value("--monthly", "run on this day of every month", "DAY", type=int),
            value("--cron", "run on a cron schedule with five fields", "CRON"),
            value("--once", "run once, at this time, or as soon as Airflow sees it", "TIME", nargs="?", const="now"),
            value("--after", "run after each delivery of another export", "EXPORT"),
            value("--at", "time of day for --every, --weekly and --monthly", "HH:MM"),
            value("--timezone", "time zone of these times, such as Europe/Budapest; default: unchanged or UTC", "ZONE"),
            flag("--after-refresh", "wait until a system refresh has finished at or after the scheduled time"),
            value("--start", "no run starts before this date; `none` removes it", "DATE"),
            value("--end", "no run starts after this date; `none` removes it", "DATE"),
            value("--stagger", "spread exports that are due together over this span; `none` removes it", "TIME"),
            flag("--on", "switch the schedule on"),
            flag("--off", "switch the schedule off; the file keeps it"),
            flag("--keep", "keep each export's own schedule, and switch it on"),
            flag("--dry-run", "print the changes; write nothing"),
        ),
    ),
)
