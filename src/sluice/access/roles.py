"""The roles in Airflow: what each may do there. The words are those of Airflow's FAB auth manager."""

from __future__ import annotations

from collections.abc import Collection, Iterable

from sluice.definition.models.connection import VIEWER
from sluice.definition.models.project import Project

EXISTING = "sluice_roles"
"""The Airflow variable with the roles that exist, as a JSON list. `sluice roles --write` sets it."""
Permission = tuple[str, str]
"""An action and the resource that it acts on."""
Control = dict[str, dict[str, Collection[str]]]
"""The `access_control` of a DAG."""

_SEE: dict[str, Collection[str]] = {"DAGs": {"can_read"}, "DAG Runs": {"can_read"}}
_USE: dict[str, Collection[str]] = {
    "DAGs": {"can_read", "can_edit"},
    "DAG Runs": {"can_read", "can_create", "can_delete"},
}
"""Runs cannot be edited by a DAG's `access_control`: see `_EDIT`."""

_READ = (
    "Website",
    "Plugins",  # without it, Airflow shows no page of a plugin
    "DAG Runs",
    "DAG Versions",
    "DAG Warnings",
    "Task Instances",
    "Task Logs",
    "XComs",
    "Assets",
    "My Profile",
    "My Password",
)
_MENUS = ("Browse", "DAGs", "DAG Runs", "Task Instances", "Assets")
_OWN: tuple[Permission, ...] = (("can_edit", "My Profile"), ("can_edit", "My Password"))
_EDIT: tuple[Permission, ...] = (("can_edit", "DAG Runs"), ("can_edit", "Task Instances"))
"""To clear and to stop runs. Airflow also asks for `can_edit` on the run's DAG, which depends on its connection."""
EVERY_DAG = frozenset({("can_read", "DAGs"), ("can_edit", "DAGs"), ("can_delete", "DAGs")})
"""What gives a role every DAG, whatever the DAG's `access_control` says."""


def access_control(shared_with: Iterable[str], existing: Collection[str]) -> Control:
    """Who may do what with an export's DAG. Only names roles that exist, because a single missing role takes every DAG
    of the file out of Airflow."""
    viewers = {VIEWER: _SEE} if VIEWER in existing else {}
    return viewers | {role: _USE for role in shared_with if role in existing}


def wanted(project: Project) -> dict[str, frozenset[Permission]]:
    """The roles that a project needs, with their permissions outside of DAGs: contributors by name, then viewers."""
    see = frozenset({*(("can_read", one) for one in _READ), *(("menu_access", one) for one in _MENUS), *_OWN})
    contributors = sorted({role for connection in project.connections.values() for role in connection.shared_with})
    return {role: see | {*_EDIT} for role in contributors} | {VIEWER: see}
