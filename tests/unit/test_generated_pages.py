"""Pages that list what there is; `pytest tests/unit/test_generated_pages.py --update` writes them."""

from __future__ import annotations

import argparse
import re
import textwrap
from collections.abc import Callable
from pathlib import Path

import pytest

from sluice.command_line import COMMANDS
from sluice.subcommand import Argument, Command
from tests.servers.docs import filled

DOCS = Path(__file__).parents[2] / "docs"
MANY = {None: "{}", "?": "[{}]", "*": "[{} ...]", "+": "{} ...", argparse.REMAINDER: "{} ..."}


def commands() -> str:
    return "\n\n".join(section(command) for command in COMMANDS)


def section(command: Command) -> str:
    words = " ".join(map(usage, command.arguments))
    lines = textwrap.fill(
        f"sluice {command.name} {words}".strip(), 100, subsequent_indent="    ", break_on_hyphens=False
    )
    parts = [f"## `sluice {command.name}`", f"{command.help[0].upper()}{command.help[1:]}.", f"```text\n{lines}\n```"]
    rows = [f"| `{shown(one)}` | {one.help} |" for one in command.arguments]
    return "\n\n".join([*parts, *(["\n".join(["| argument | meaning |", "|---|---|", *rows])] if rows else [])])


def usage(argument: Argument) -> str:
    required = dict(argument.options).get("required") or not argument.name.startswith("-")
    return shown(argument) if required else f"[{shown(argument)}]"


def shown(argument: Argument) -> str:
    """As on a command line: `EXPORT`, `--wait`, `--window TIME TIME`."""
    options = dict(argument.options)
    flag = argument.name if argument.name.startswith("-") else ""
    if options.get("action") == "store_true":
        return flag
    value = options.get("metavar") or argument.name.upper()
    if "choices" in options:
        value = "{" + ",".join(options["choices"]) + "}"
    count = options.get("nargs")
    values = " ".join([value] * count) if isinstance(count, int) else MANY[count].format(value)
    return f"{flag} {values}".strip()


def decisions() -> str:
    rows = []
    for page in sorted((DOCS / "decisions").glob("0*.md")):
        title, _, _ = page.read_text(encoding="utf-8").removeprefix("# ").partition("\n")
        number, _, name = title.partition(". ")
        assert int(number) == int(page.name[:4]), f"{page.name} begins with another number"
        rows.append(f"{number}. [{name}]({page.name})")
    return "\n".join(rows)


@pytest.mark.parametrize(
    ("page", "block", "made"),
    [("commands.md", "commands", commands), ("decisions/index.md", "decisions", decisions)],
)
def test_the_page_holds_what_there_is(
    page: str, block: str, made: Callable[[], str], request: pytest.FixtureRequest
) -> None:
    path = DOCS / page
    text = path.read_text(encoding="utf-8")
    wanted = filled(text, block, made())
    if request.config.getoption("--update"):
        path.write_text(wanted, encoding="utf-8")
    else:
        assert text == wanted


def test_every_schema_is_listed() -> None:
    listed = re.findall(r"^\| \[(\S+)]\(schema/\1\)", (DOCS / "schemas.md").read_text(encoding="utf-8"), re.MULTILINE)
    assert sorted(listed) == sorted(path.name for path in (DOCS / "schema").glob("*.json"))
