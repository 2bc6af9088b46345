"""What a destination's declaration refuses, and what its connection must be."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import pytest
from pydantic import ValidationError

from sluice.destinations import DESTINATIONS
from sluice.destinations.azure import DataLandingZone
from sluice.destinations.base import Capabilities
from sluice.destinations.local import Local
from sluice.destinations.names import by_folder, final, unfinished
from sluice.destinations.sftp import Sftp
from sluice.errors import DefinitionError
from sluice.model.access import Access, AzureAccess, FolderAccess, SqlAccess

PLACE = {"s3": {"bucket": "b"}, "gcs": {"bucket": "b"}, "azure-blob": {"container": "c"}, "adls": {"filesystem": "f"}}


class Only:
    """Connections that all open the same."""

    def __init__(self, access: Access) -> None:
        self._access = access

    def get(self, conn_id: str) -> Access:
        return self._access


@pytest.mark.parametrize("kind", DESTINATIONS)
def test_a_connection_of_another_type_is_refused_by_name(kind: str) -> None:
    config = DESTINATIONS[kind].model_validate({"type": kind, "airflow_conn_id": "db", **PLACE.get(kind, {})})
    sql = SqlAccess(uri="postgresql://u:secret@h/d", conn_type="postgres", connect=lambda: None)
    with pytest.raises(DefinitionError, match=r"connection acme: the Airflow connection db is not"):
        config.open(Only(sql), name="acme", threads=1)


@pytest.mark.parametrize("kind", DESTINATIONS)
def test_every_type_says_what_it_can(kind: str) -> None:
    assert isinstance(DESTINATIONS[kind].can, Capabilities)


def test_the_landing_zone_says_that_files_live_seven_days() -> None:
    assert DataLandingZone.can.keeps == timedelta(days=7)


def test_the_landing_zone_takes_nothing_but_a_sas_url() -> None:
    config = DataLandingZone(type="data-landing-zone", airflow_conn_id="dlz")
    with pytest.raises(DefinitionError, match="has no SAS URL"):
        config.open(Only(AzureAccess("account", key="a2V5")), name="acme", threads=1)


@pytest.mark.parametrize(("folder", "kept"), [("", ""), ("/", ""), ("/a/b/", "a/b"), ("a", "a")])
def test_slashes_at_the_ends_of_a_folder_mean_nothing(folder: str, kept: str) -> None:
    assert Local(type="local", airflow_conn_id="x", folder=folder).folder == kept


@pytest.mark.parametrize("folder", ["..", "a/../b", "a//b", "./a"])
def test_folders_that_servers_read_differently_are_refused(folder: str) -> None:
    with pytest.raises(ValidationError, match="single slashes"):
        Local(type="local", airflow_conn_id="x", folder=folder)


def test_at_sftp_a_leading_slash_is_the_servers_root() -> None:
    assert Sftp(type="sftp", airflow_conn_id="x", folder="/in/box/").folder == "/in/box"
    assert Sftp(type="sftp", airflow_conn_id="x", folder="in/box").folder == "in/box"
    with pytest.raises(ValidationError):
        Sftp(type="sftp", airflow_conn_id="x", folder="/in/../box")


@pytest.mark.parametrize("config", [Sftp, Local])
def test_a_shells_word_for_home_is_refused(config: type[Sftp] | type[Local]) -> None:
    kind = config.__name__.lower()
    with pytest.raises(ValidationError, match="`~` works only in a shell: did you mean 'inbound/daily'"):
        config.model_validate({"type": kind, "airflow_conn_id": "x", "folder": "~/inbound/daily"})
    assert config.model_validate({"type": kind, "airflow_conn_id": "x", "folder": "~old/in"}).folder == "~old/in"


def test_files_that_a_server_moves_away_do_not_stay() -> None:
    assert Sftp(type="sftp", airflow_conn_id="x").stays
    assert not Sftp(type="sftp", airflow_conn_id="x", check_size=False).stays


def test_unfinished_names_are_hidden_different_and_lead_back() -> None:
    names = {unfinished("part 1.json.gz") for _ in range(100)}
    assert len(names) == 100
    assert all(name.startswith(".") and final(name) == "part 1.json.gz" for name in names)
    assert final("part 1.json.gz") is None
    assert final(".x.partial") is None
    assert by_folder(["a/b/c", "a/b/d", "e"]) == {"a/b": {"c", "d"}, "": {"e"}}


def test_a_file_of_a_dead_process_is_aborted_and_never_listed(tmp_path: Path) -> None:
    at = Local(type="local", airflow_conn_id="x").open(Only(FolderAccess(tmp_path)), name="acme", threads=1)
    at.put("f/whole", [b"x"])
    (tmp_path / "f" / unfinished("half")).write_bytes(b"h")
    (tmp_path / "f" / unfinished("other")).write_bytes(b"o")
    assert [stored.name for stored in at.list("")] == ["f/whole"]
    assert at.abort(["f/half", "f/whole", "g/half"]) == 1
    assert len(list((tmp_path / "f").iterdir())) == 2
