"""The run configuration and the plan that a command line describes."""

from __future__ import annotations

from argparse import Namespace
from datetime import datetime
from typing import Any

from sluice.definition.load import load_export
from sluice.definition.models.project import Project
from sluice.plan.model import Plan
from sluice.plan.requested import plan_of


def conf_of(args: Namespace) -> dict[str, Any]:
    """The run configuration of a command line. Arguments that were not given are left out."""
    window = getattr(args, "window", None)
    given = {name: getattr(args, name, None) for name in ("mode", "feeds", "dry_run", "release", "again")}
    given["window"] = {"from": window[0], "to": window[1]} if window else None
    return {key: value for key, value in given.items() if value}


def planned(args: Namespace, now: datetime) -> tuple[Project, Plan]:
    """The plan of a run that starts now in this process, with the options of the command line."""
    project, export = load_export(args.include, args.export)
    return project, plan_of(project, export, conf_of(args), f"{args.command.name}__{now.isoformat()}", now)
