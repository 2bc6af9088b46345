"""`sluice guardrails`: the rules of what may be delivered."""

from __future__ import annotations

import json
import textwrap
from argparse import Namespace

from sluice.commands.table import table
from sluice.definition.errors.problem import unknown
from sluice.definition.models.guardrails import Guardrails
from sluice.definition.settings import read_settings
from sluice.guardrails.table import GUARDRAILS
from sluice.model.guardrail import Guardrail

HEAD = ("guardrail", "asked at", "verdict", "rule")
FIELDS = ("name", "stage", "verdict", "says", "source", "change", "example")


def guardrails(args: Namespace) -> int:
    """Print the table of guardrails, with `--json` one JSON object per line, or all about one of them."""
    found = read_settings(args.include)
    if found.errors:
        raise found.errors[0]
    chosen = found.settings.guardrails
    rules = [_named(args.name)] if args.name else list(GUARDRAILS)
    if args.json:
        for rule in rules:
            values = {field: getattr(rule, field) for field in FIELDS}
            print(json.dumps(values | {"verdict": rule.verdict_in(chosen)}))
    elif args.name:
        print(_page(rules[0], chosen))
    else:
        print(table([HEAD, *((rule.name, rule.stage, rule.verdict_in(chosen), rule.says) for rule in rules)]))
    return 0


def _named(name: str) -> Guardrail:
    names = {rule.name: rule for rule in GUARDRAILS}
    if name not in names:
        raise unknown((), name, names, f"no guardrail is named `{name}`", "run `sluice guardrails`").error()
    return names[name]


def _page(rule: Guardrail, chosen: Guardrails) -> str:
    verdict = rule.verdict_in(chosen)
    default = "" if verdict == rule.verdict else f", by default {rule.verdict}"
    example = textwrap.indent(rule.example, "    ")
    return (
        f"{rule.name}: {rule.says}\n  asked at  {rule.stage}\n  verdict   {verdict}{default}\n"
        f"  source    {rule.source}\n  change    {rule.change}\n  example\n{example}"
    )
