"""Pages that list what there is; `pytest tests/unit/test_generated_pages.py --update` writes them."""

from __future__ import annotations

import argparse
import re
import textwrap
from collections.abc import Callable
from pathlib import Path
from typing import get_args

import pytest

from sluice.command_line import COMMANDS
from sluice.definition.models.catalog import Kind
from sluice.definition.models.targets import TARGETS, Target
from sluice.guardrails.table import GUARDRAILS
from sluice.model.guardrail import Guardrail
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


def guardrails() -> str:
    rows = ["| guardrail | asked at | verdict | rule |", "|---|---|---|---|"]
    rows += [f"| [{one.name}](#{one.name}) | {one.stage} | {one.verdict} | {one.says} |" for one in GUARDRAILS]
    return "\n".join([*rows, *map(guardrail, GUARDRAILS)])


def guardrail(rule: Guardrail) -> str:
    return (
        f"\n## {rule.name}\n{rule.says}\n\n- Verdict: {rule.verdict}, at `{rule.stage}`.\n- Source: {rule.source}.\n"
        f"- To change it: {rule.change}.\n\n```yaml\n{rule.example}\n```"
    )


def targets() -> str:
    rows = [target(*one) for one in TARGETS.items()]
    head = ["target", "name", "records per run", "records per segment", "takes", "requires", "source", "its date"]
    return "\n".join([f"| {' | '.join(head)} |", f"|{'---|' * len(head)}", *rows])


def target(name: str, known: Target) -> str:
    limits = known.limits
    segment = f"{limits['records_per_segment']:,}" if "records_per_segment" in limits else ""
    if least := limits.get("least_records_per_segment"):
        segment = f"{least:,} to {segment}"
    run = f"{limits['records_per_run']:,}"
    if files := limits.get("files_per_feed"):
        run += f", in at most {files} files per table"
    takes = "every kind" if len(known.takes) == len(get_args(Kind)) else ", ".join(known.takes)
    cells = (known.title, f"`{name}`", run, segment, takes, ", ".join(known.requires), known.source, known.date)
    return f"| {' | '.join(cells)} |"


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
    [
        ("commands.md", "commands", commands),
        ("decisions/index.md", "decisions", decisions),
        ("guardrails.md", "guardrails", guardrails),
        ("limits.md", "targets", targets),
    ],
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
