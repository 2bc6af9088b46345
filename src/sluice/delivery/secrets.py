"""The secrets that a run needs: a wrong one stops it before any data is read."""

from __future__ import annotations

from typing import TYPE_CHECKING, cast

from sluice.delivery.extraction import Extraction, RunStep
from sluice.mapping.salts import read_salts, salts_of
from sluice.plan.model import Plan

if TYPE_CHECKING:
    from sluice.encryption.openpgp import OpenPgp


def _describe_keys(plan: Plan) -> str | None:
    return f"tries the OpenPGP keys of {plan.connection.name}" if plan.connection.openpgp else None


def _try_keys(run: Extraction) -> None:
    connection = run.plan.connection
    cast("OpenPgp", connection.openpgp).open(run.connections, name=connection.name)


KEYS = RunStep("keys", _describe_keys, _try_keys)


def _describe_salts(plan: Plan) -> str | None:
    names = sorted({name for feed in plan.feeds for name in salts_of(feed.fields)})
    return f"reads the salts of hashes: {', '.join(names)}" if names else None


def _read_salts(run: Extraction) -> None:
    run.salts = {feed.name: read_salts(feed.fields, run.connections) for feed in run.plan.feeds}


SALTS = RunStep("salts", _describe_salts, _read_salts)
