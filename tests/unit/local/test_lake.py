"""The demo's lake: the same rows for everybody, made once."""

from __future__ import annotations

import hashlib
from pathlib import Path

import polars as pl
import pytest

from local import lake
from sluice.errors import FatalError

SCALE = 0.001


def test_contacts_are_the_same_everywhere() -> None:
    suppliers = pl.DataFrame({"s_suppkey": [2, 1], "s_nationkey": [4, 17]})
    assert lake.contacts(suppliers).rows() == [
        (11, 1, "Keiko Baker", "keiko.baker.1@supplier1.example", "27-305-760-5715", "director"),
        (12, 1, "Elena Jensen", "elena.jensen.2@supplier1.example", "27-599-154-1509", "logistics"),
        (21, 2, "Daniel Dubois", "daniel.dubois.1@supplier2.example", "14-545-153-6008", "accounts"),
        (22, 2, "Jonas Adams", "jonas.adams.2@supplier2.example", "14-839-447-1802", "buyer"),
    ]


def test_contacts_are_many_and_distinct() -> None:
    suppliers = pl.DataFrame({"s_suppkey": range(1, 10_001), "s_nationkey": [i % 25 for i in range(10_000)]})
    contacts = lake.contacts(suppliers)
    each = contacts.group_by("contact_suppkey").len()["len"]
    assert set(each) == {2, 3}
    assert contacts["contact_key"].is_unique().all()
    assert contacts["contact_email"].is_unique().all()
    assert contacts["contact_role"].n_unique() == len(lake.ROLES)
    assert contacts["contact_name"].n_unique() == len(lake.FIRST_NAMES) * len(lake.LAST_NAMES)


def fingerprint(folder: Path) -> dict[str, str]:
    files = sorted(folder.rglob("*.parquet"))
    return {str(f.relative_to(folder)): hashlib.sha256(f.read_bytes()).hexdigest() for f in files}


@pytest.mark.slow
def test_a_lake_is_made_once_for_a_scale_and_is_always_the_same(tmp_path: Path) -> None:
    folder = tmp_path / "tpch"
    assert lake.made_at(folder) is None
    assert lake.make(folder, SCALE)
    assert lake.made_at(folder) == SCALE
    made = fingerprint(folder)
    assert {name.split("/")[0] for name in made} == {*lake.SMALL, *lake.LARGE, "contact"}
    assert not lake.make(folder, SCALE)
    assert lake.make(folder, SCALE * 2)
    assert fingerprint(folder) != made
    assert lake.make(folder, SCALE)
    assert fingerprint(folder) == made
    assert [path.name for path in tmp_path.iterdir()] == ["tpch"]


@pytest.mark.slow
def test_an_interrupted_lake_is_made_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = tmp_path / "tpch"

    def interrupted(_: Path) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patched:
        patched.setattr(lake, "_write_contacts", interrupted)
        with pytest.raises(KeyboardInterrupt):
            lake.make(folder, SCALE)
    assert not folder.exists()
    assert lake.make(folder, SCALE)
    assert [path.name for path in tmp_path.iterdir()] == ["tpch"]


def test_a_generator_that_fails_is_quoted(tmp_path: Path) -> None:
    with pytest.raises(FatalError, match="tpchgen-cli could not make region, nation"):
        lake.make(tmp_path / "tpch", -1)
