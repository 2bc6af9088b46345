"""What a command line asks of a run, as the configuration and the plan of one."""

from __future__ import annotations

from argparse import Namespace
from collections.abc import Mapping
from datetime import datetime
from typing import Any

from sluice.definition.load import load_export
from sluice.definition.models.export import Export
from sluice.definition.models.project import Project
from sluice.plan.build import build
from sluice.plan.model import Plan
from sluice.plan.run_config import run_config_of


def conf_of(args: Namespace) -> dict[str, Any]:
    """The configuration of a run that the command line asks for; what it has no argument for is not in it."""
    window = getattr(args, "window", None)
    asked = {name: getattr(args, name, None) for name in ("mode", "feeds", "dry_run", "release")}
    asked["window"] = {"from": window[0], "to": window[1]} if window else None
    return {key: value for key, value in asked.items() if value}


def plan_of(project: Project, export: Export, conf: Mapping[str, Any], run_id: str, now: datetime) -> Plan:
    """The plan of a run with this configuration. Raises `DefinitionError` if such a run would."""
    return build(project, export, run_config_of(export, conf).run(export, run_id, now, "manual"))


def planned(args: Namespace, now: datetime) -> tuple[Project, Plan]:
    """The plan of a run that starts now in this process, as the command line asks for it."""
    project, export = load_export(args.include, args.export)
    return project, plan_of(project, export, conf_of(args), f"{args.command.name}__{now.isoformat()}", now)
