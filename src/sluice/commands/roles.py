"""`sluice roles`: the roles that Airflow needs, for viewers and for each name in `shared_with`."""

from __future__ import annotations

import sys
from argparse import Namespace
from collections.abc import Iterable, Mapping

from sluice.access.roles import EVERY_DAG, Permission, wanted
from sluice.airflow.login import login
from sluice.airflow.roles import FabRoles
from sluice.definition.load import load


def roles(args: Namespace) -> int:
    """Print what the roles need and lack; with `--write`, create them and give them what they lack. Returns 1 if
    something is missing and was not written."""
    needed = wanted(load(args.include).project)
    airflow = FabRoles(login(args.include))
    existing = airflow.existing()
    missing = 0
    for name, permissions in needed.items():
        lacks = permissions - existing.get(name, frozenset())
        missing += bool(lacks)
        if lacks and args.write:
            _write(airflow, name, permissions, existing)
        print(_line(name, lacks, exists=name in existing, written=args.write))
        if everywhere := EVERY_DAG & existing.get(name, frozenset()):
            print(f"warning: {name} has {_listed(everywhere)}: it has every DAG, not only shared ones", file=sys.stderr)
    return _record(airflow, sorted(needed), write=args.write) or (1 if missing and not args.write else 0)


def _write(
    airflow: FabRoles, name: str, permissions: frozenset[Permission], existing: Mapping[str, frozenset[Permission]]
) -> None:
    if name in existing:
        airflow.change(name, existing[name] | permissions)
    else:
        airflow.create(name, permissions)


def _record(airflow: FabRoles, names: list[str], *, write: bool) -> int:
    """Let DAGs name the roles, now that they exist."""
    recorded = airflow.recorded()
    if recorded == names:
        return 0
    if write:
        airflow.record(names, first=recorded is None)
    enforced = "none" if not recorded else ", ".join(recorded)
    print(f"roles that DAGs grant rights to: {', '.join(names) if write else enforced}")
    return 0 if write else 1


def _line(name: str, lacks: frozenset[Permission], *, exists: bool, written: bool) -> str:
    if not lacks:
        return f"{name}: exists, with every permission"
    if not exists:
        return f"{name}: {'created' if written else 'does not exist'}, with {_listed(lacks)}"
    return f"{name}: {'given' if written else 'lacks'} {_listed(lacks)}"


def _listed(permissions: Iterable[Permission]) -> str:
    by_action: dict[str, list[str]] = {}
    for action, resource in sorted(permissions):
        by_action.setdefault(action, []).append(resource)
    return "; ".join(f"{action} on {', '.join(resources)}" for action, resources in by_action.items())
