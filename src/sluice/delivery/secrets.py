"""The secrets that a run needs: a wrong one stops it before any data is read."""

from __future__ import annotations

from typing import TYPE_CHECKING, cast

from sluice.delivery.extraction import Extraction, RunStep
from sluice.delivery.hand_over.adobe_target import login
from sluice.delivery.subjects.record import is_recorded
from sluice.mapping.salts import read_salt, read_salts, salts_of
from sluice.plan.model import Plan

if TYPE_CHECKING:
    from sluice.encryption.openpgp import OpenPgp


def _describe_keys(plan: Plan) -> str | None:
    return f"tries the OpenPGP keys of {plan.connection.name}" if plan.connection.openpgp else None


def _try_keys(run: Extraction) -> None:
    connection = run.plan.connection
    cast("OpenPgp", connection.openpgp).open(run.connections, name=connection.name)


KEYS = RunStep("keys", _describe_keys, _try_keys)


def _describe_login(plan: Plan) -> str | None:
    declared = plan.connection.hand_over
    return (
        f"reads the login of the hand-over: {declared.airflow_conn_id}"
        if declared and declared.airflow_conn_id
        else None
    )


def _read_login(run: Extraction) -> None:
    if declared := run.plan.connection.hand_over:
        login(declared, run.connections)


LOGIN = RunStep("hand-over", _describe_login, _read_login)


def _describe_salts(plan: Plan) -> str | None:
    names = sorted({name for feed in plan.feeds for name in salts_of(feed.fields)})
    return f"reads the salts of hashes: {', '.join(names)}" if names else None


def _read_salts(run: Extraction) -> None:
    run.salts = {feed.name: read_salts(feed.fields, run.connections) for feed in run.plan.feeds}


SALTS = RunStep("salts", _describe_salts, _read_salts)


def _describe_subjects(plan: Plan) -> str | None:
    """None if no feed is about people or companies."""
    if plan.subjects is None or not any(is_recorded(feed) for feed in plan.feeds):
        return None
    return f"reads the salt of the record of subjects: {plan.subjects.salt_conn_id}"


def _try_subjects(run: Extraction) -> None:
    if run.plan.subjects is not None:
        read_salt(run.plan.subjects.salt_conn_id, run.connections)


SUBJECTS = RunStep("subjects", _describe_subjects, _try_subjects)
