"""Airflow's roles, by the REST API of its FAB auth manager."""

from __future__ import annotations

import json
from collections.abc import Collection, Mapping
from http import HTTPStatus
from typing import Any
from urllib.parse import quote

from sluice.access.roles import EXISTING, Permission
from sluice.airflow.rest import PAGE, RefusedError, Rest
from sluice.errors import FatalError

_ROLES = "/auth/fab/v1/roles"


class FabRoles:
    """The roles of one Airflow. The client's login must be an administrator's. Raises `FatalError` if Airflow has
    another auth manager, and `RefusedError` if the login may not see or change roles."""

    def __init__(self, rest: Rest) -> None:
        self._rest = rest

    def existing(self) -> Mapping[str, frozenset[Permission]]:
        """Every role, with its permissions."""
        found: dict[str, frozenset[Permission]] = {}
        while True:
            page = self._page(len(found))
            found |= {role["name"]: frozenset(map(_permission, role["actions"])) for role in page["roles"]}
            if not page["roles"] or len(found) >= page["total_entries"]:
                return found

    def _page(self, offset: int) -> dict[str, Any]:
        none = FatalError(
            f"{self._rest.url} has no roles: its auth manager is not FAB",
            next_step="set Airflow's option `[core] auth_manager` to FabAuthManager; others have their own roles",
        )
        try:
            answer = self._rest.fetch(_ROLES, limit=PAGE, offset=offset)
        except RefusedError as refused:
            raise none if refused.status == HTTPStatus.NOT_FOUND else refused from None
        if "json" not in answer.headers.get("content-type", ""):
            raise none  # the simple auth manager answers every path with its page
        page: dict[str, Any] = answer.json()
        return page

    def create(self, name: str, permissions: Collection[Permission]) -> None:
        """Add a role."""
        self._rest.send("POST", _ROLES, {"name": name, "actions": _actions(permissions)})

    def change(self, name: str, permissions: Collection[Permission]) -> None:
        """Give a role these permissions, and no other."""
        body = {"name": name, "actions": _actions(permissions)}
        self._rest.send("PATCH", f"{_ROLES}/{quote(name, safe='')}?update_mask=actions", body)

    def recorded(self) -> list[str] | None:
        """The roles that DAGs can name; None if `record` was never called."""
        try:
            value = json.loads(self._rest.get(f"variables/{EXISTING}")["value"])
        except RefusedError as refused:
            if refused.status != HTTPStatus.NOT_FOUND:
                raise
            return None
        return value if isinstance(value, list) else None

    def record(self, names: Collection[str], *, first: bool) -> None:
        """Record the roles that DAGs can name."""
        body = {
            "key": EXISTING,
            "value": json.dumps(list(names)),
            "description": "the roles that exist and that exports can name; `sluice roles --write` keeps it",
        }
        if first:
            self._rest.post("variables", body)
        else:
            self._rest.patch(f"variables/{EXISTING}", body)


def _permission(entry: Mapping[str, Mapping[str, str]]) -> Permission:
    return entry["action"]["name"], entry["resource"]["name"]


def _actions(permissions: Collection[Permission]) -> list[dict[str, dict[str, str]]]:
    return [{"action": {"name": action}, "resource": {"name": of}} for action, of in sorted(permissions)]
