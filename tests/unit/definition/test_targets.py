"""Known targets: the data file, and what a connection takes from it."""

from __future__ import annotations

from datetime import date
from typing import Any, get_args

import pytest

from sluice.definition.models.catalog import Kind
from sluice.definition.models.connection import Connection
from sluice.definition.models.limits import Limits
from sluice.definition.models.targets import TARGETS


def connection(**keys: Any) -> Connection:
    return Connection.model_validate({"name": "out", "type": "local", "airflow_conn_id": "out", **keys})


@pytest.mark.parametrize("name", TARGETS)
def test_every_figure_is_a_limit_with_a_source(name: str) -> None:
    target = TARGETS[name]
    limits = Limits(**target.limits)
    assert limits.records_per_run
    assert (limits.records_per_segment or limits.records_per_run) <= limits.records_per_run
    assert set(target.takes) <= set(get_args(Kind))
    assert target.title
    assert target.source.startswith("Customer Insights: export-")
    assert date(2022, 1, 1) < date.fromisoformat(target.date) < date(2026, 11, 1)


@pytest.mark.parametrize(
    ("name", "most", "least"),
    [
        ("google-ads", 1_000_000, None),
        ("facebook-ads", 10_000_000, None),
        ("adroll", 250_000, 100),
        ("rollworks", 250_000, None),
        ("autopilot", 100_000, None),
        ("dotdigital", 1_000_000, None),
        ("sendinblue", 1_000_000, None),
        ("omnisend", 1_000_000, None),
        ("linkedin-ads", 100_000, 300),
    ],
)
def test_a_connection_to_a_known_target_has_its_limits(name: str, most: int, least: int | None) -> None:
    limits = connection(target=name).limits
    assert (limits.records_per_run, limits.records_per_segment) == (most, most)
    assert limits.least_records_per_segment == least


def test_files_per_table_on_sftp_hosts() -> None:
    limits = connection(target="sftp").limits
    assert (limits.records_per_run, limits.files_per_feed) == (100_000_000, 5)


def test_own_keys_override_those_of_the_target() -> None:
    own = connection(target="adroll", limits={"records_per_segment": 9, "at_once": 2}, requires=[])
    assert own.limits == Limits(
        records_per_segment=9, records_per_run=250_000, least_records_per_segment=100, at_once=2
    )
    assert (own.takes, own.requires) == (("profile", "contact"), ())
    assert connection(target="adroll").requires == ("email",)
    assert connection(target="adroll", takes=["account"]).takes == ("account",)
    assert connection(target="linkedin-ads-companies").takes == ("account",)


def test_without_a_target_nothing_is_limited() -> None:
    assert connection().limits == Limits()
    assert connection().takes == get_args(Kind)


def test_a_staged_plan_keeps_what_it_had() -> None:
    """The figures of a later version do not change a run that has started."""
    before = connection(target="adroll", limits={"records_per_segment": 9})
    staged = before.model_dump(mode="json")
    staged["limits"]["records_per_run"] = 7
    again = Connection.model_validate(staged)
    assert again.limits.records_per_run == 7
    assert again.limits.records_per_segment == 9
    assert Connection.model_validate(before.model_dump(mode="json")) == before
