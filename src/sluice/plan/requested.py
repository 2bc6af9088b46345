"""The plan of a run that someone asks for."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from sluice.definition.models.export import Export
from sluice.definition.models.project import Project
from sluice.plan.build import build
from sluice.plan.model import Plan
from sluice.plan.run_config import run_config_of


def plan_of(project: Project, export: Export, conf: Mapping[str, Any], run_id: str, now: datetime) -> Plan:
    """The plan of a run with this configuration. Raises `DefinitionError` if the run would fail with it."""
    return build(project, export, run_config_of(export, conf).run(export, run_id, now, "manual"))
