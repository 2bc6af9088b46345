"""The commands for the files of Adobe Data Workbench."""

from __future__ import annotations

from pathlib import Path

from sluice.command_line.arguments import EXPORT
from sluice.subcommand import Command, flag, value

COMMANDS = (
    Command(
        "import-workbench",
        "sluice.commands.workbench:import_workbench",
        "turn files of Data Workbench into declarations, and report how each parameter is imported",
        (
            value("--export", "the `.export` files", "FILE", type=Path, nargs="+", action="extend", required=True),
            value("--mmp", "`MMPExport.cfg`: the bucket, and how chunks are sent", "FILE", type=Path),
            value("--ftp-servers", "`FTPServerInfo.cfg`: the addresses of servers", "FILE", type=Path),
            value("--ftp-credentials", "`FTPUserCredentials.cfg`: their logins", "FILE", type=Path),
            value("--target", "`TargetBulkUpload.cfg`", "FILE", type=Path),
            value("--crs", "the connection that gets customer attributes; declared if it is new", "NAME", default=""),
            value("--catalog", "the folder with the datasets; default: the project's own catalog", "DIR", type=Path),
            value("--out", "the folder of declarations; default: include", "DIR", type=Path, default=Path("include")),
            flag("--switched-off", "the exports do not run until you switch them on: `enabled: false`"),
            flag("--dry-run", "print the report and the files; write nothing"),
        ),
        reads=False,
    ),
    Command(
        "export-workbench",
        "sluice.commands.workbench:export_workbench",
        "write an export as the files of Data Workbench, without secrets",
        (
            EXPORT,
            value("--out", "the `.export` file or its folder; default: print it", "FILE", type=Path),
        ),
    ),
)
