"""The `sluice` command: validates declarations, starts and explains runs, verifies deliveries.

Exit status: 0 on success, 1 on an error or a failed run, 2 on a wrong command line.
"""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from sluice.command_line import COMMANDS
from sluice.errors import SluiceError, shown_by_a_command
from sluice.extras import needing_extras
from sluice.where import where


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command and return its exit status. Errors are printed as pages on stderr."""
    args = _parser().parse_args(argv)
    if args.command.reads and args.include is None:
        args.include = _include()
    try:
        with shown_by_a_command():
            return _run(args)
    except BrokenPipeError:
        # The reader has closed the pipe, as `head` does. Without this, the interpreter would fail again closing stdout.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 1


def _run(args: argparse.Namespace) -> int:
    try:
        with needing_extras():
            status: int = args.command.run(args)
        sys.stdout.flush()
    except SluiceError as error:
        print(error.page(), file=sys.stderr)
        return 1
    return status


def _include() -> Path:
    """The folder of declarations, as `where()` finds it; printed on stderr if it is not `include` of this folder."""
    include = where().include
    if include == Path.cwd() / "include":
        return Path("include")
    why = "SLUICE_INCLUDE" if os.environ.get("SLUICE_INCLUDE") else "of the project that this command belongs to"
    print(f"declarations: {include} ({why})", file=sys.stderr)
    return include


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="sluice", description="Deliver customer data as declared.")
    commands = parser.add_subparsers(required=True, metavar="COMMAND")
    for command in COMMANDS:
        own: dict[str, Any] = {"add_help": False, "prefix_chars": "\0"} if command.passes else {}
        sub = commands.add_parser(command.name, help=command.help, description=command.help, **own)
        sub.set_defaults(command=command, error=sub.error)
        if command.reads:
            says = "the folder of declarations; default: $SLUICE_INCLUDE, or the project's own"
            sub.add_argument("--include", type=Path, help=says)
        for argument in command.arguments:
            sub.add_argument(argument.name, help=argument.help, **dict(argument.options))
    return parser


if __name__ == "__main__":
    sys.exit(main())
