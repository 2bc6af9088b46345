"""The subcommands of `sluice`, one row each, in a file for each kind of work.

To add one, write a function `(args) -> exit status` and add its row to the file of its kind.
"""

from __future__ import annotations

from sluice.command_line import airflow, declarations, deliveries, exports, runs, workbench

COMMANDS = tuple(
    sorted(
        (
            command
            for kind in (declarations, exports, runs, deliveries, workbench, airflow)
            for command in kind.COMMANDS
        ),
        key=lambda command: command.name,
    )
)
