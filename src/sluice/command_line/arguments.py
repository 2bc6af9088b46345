"""Arguments that several commands share."""

from __future__ import annotations

from sluice.subcommand import Argument, flag, value

EXPORT = Argument("export", "the export's name: its file name without .yaml")
EXPORTS = Argument(
    "exports", "the exports' names: their file names without .yaml", (("nargs", "*"), ("metavar", "EXPORT"))
)
WAIT = flag("--wait", "wait until the runs have finished, then print what each delivered or why it failed")
MODE = value("--mode", "full, incremental or changes, if the export supports it", "MODE")
FEEDS = value("--feeds", "deliver only these segments or datasets", "FEED", nargs="+", default=())
WINDOW = value("--window", "deliver what was added between these two times", "TIME", nargs=2)
AGAIN = flag("--again", "deliver although the export runs once and has delivered")
RELEASE = flag("--release", "deliver even if the run would be held because of its counts")
DRY_RUN = flag("--dry-run", "check, select and count the rows; send nothing")
NEW = Argument("new", "the new export's name")
PREVIEW = flag("--dry-run", "print the change; write nothing")
