"""Ten thousand mutants of the declarations: each is a clear page, or valid and taken by Airflow's database. Prints how
many were which. Half an hour on two cores."""

from __future__ import annotations

import os

import pytest

from tests.fuzz import fuzz
from tests.servers.airflow_store import airflow_store

MUTANTS = int(os.environ.get("MUTANTS", "10000"))


def test_no_mutant_is_anything_else(tmp_path_factory: pytest.TempPathFactory) -> None:
    with airflow_store(tmp_path_factory.mktemp("store")) as store:
        tally = fuzz(500, MUTANTS, tmp_path_factory.mktemp("mutants"), store)
    print(tally)
    assert not tally.others, "\n\n".join(tally.others)
