"""The limits that apply to a run: those of its connection and those of the project."""

from __future__ import annotations

from typing import NamedTuple

from sluice.plan.model import Plan


class Bound(NamedTuple):
    """A declared limit."""

    value: int
    whose: str
    change: str
    """What to declare to change it."""
    connection: str
    """The connection that it belongs to; empty if it belongs to the project."""


def bounds(plan: Plan, key: str) -> list[Bound]:
    """The declared limits of this key of `limits`, the smallest first."""
    name = plan.connection.name
    found = (
        Bound(getattr(plan.connection.limits, key) or 0, f"connection {name}", f"`limits.{key}` of {name}", name),
        Bound(getattr(plan.limits, key) or 0, "the project", f"`limits.{key}` of the project", ""),
    )
    return sorted((bound for bound in found if bound.value), key=lambda bound: bound.value)


def lowest(plan: Plan, key: str) -> Bound | None:
    """The smallest of the declared limits; None if there is none."""
    return next(iter(bounds(plan, key)), None)
