"""Airflow connections of type `http` as clients of Audience Manager, and `sluice check --connect` with them."""

from __future__ import annotations

import json
import logging
from collections.abc import Iterator
from copy import deepcopy
from pathlib import Path
from typing import Any

import pytest

from sluice.airflow.connections import AirflowConnections
from sluice.audience.login import addresses_of
from sluice.cli import main
from sluice.errors import DefinitionError
from sluice.model.access import OAuthAccess
from tests.servers.audience_manager import SECRET, AudienceManager, audience_manager, connection
from tests.servers.folders import folder_connection


@pytest.fixture
def get(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Any:
    def opened(**fields: Any) -> OAuthAccess:
        monkeypatch.setenv("AIRFLOW_CONN_AAM", json.dumps({"conn_type": "http", **fields}))
        access = AirflowConnections(tmp_path / "none.yaml").get("aam")
        assert isinstance(access, OAuthAccess)
        assert "pw" not in repr(access)
        return access

    return opened


def test_a_client_logs_in_by_itself_or_as_a_user(get: Any) -> None:
    client = get(login="id", password="pw", extra={"scope": "openid"})
    assert (client.client_id, client.client_secret, client.scope, client.username) == ("id", "pw", "openid", None)
    assert addresses_of(client) == ("https://aam.adobe.io/v1", "https://ims-na1.adobelogin.com/ims/token/v3")
    user = get(login="id", password="pw", extra={"username": "ann", "user_password": "pw-of-ann"})
    assert (user.username, user.password) == ("ann", "pw-of-ann")
    assert addresses_of(user) == ("https://api.demdex.com/v1", "https://api.demdex.com/oauth/token")


def test_other_addresses(get: Any) -> None:
    extra = {"username": "ann", "user_password": "pw-of-ann"}
    beta = get(host="https://api-beta.demdex.com/v1", login="id", password="pw", extra=extra)
    assert addresses_of(beta) == ("https://api-beta.demdex.com/v1", "https://api-beta.demdex.com/oauth/token")
    mine = get(
        host="aam.example", schema="https", port=8443, login="id", password="pw", extra={"token_url": "https://t/"}
    )
    assert addresses_of(mine) == ("https://aam.example:8443", "https://t/")


@pytest.mark.parametrize(
    ("fields", "lacks"),
    [
        ({"password": "pw"}, "has no login"),
        ({"login": "id"}, "has no password"),
        ({"login": "id", "password": "pw", "extra": {"username": "ann"}}, "has no extra `user_password`"),
        ({"login": "id", "password": "pw", "host": "https://[::1"}, "has no host, or extra `token_url`, that is an"),
    ],
)
def test_what_a_client_needs(get: Any, fields: dict[str, Any], lacks: str) -> None:
    with pytest.raises(DefinitionError, match=lacks):
        get(**fields)


@pytest.fixture
def server() -> Iterator[AudienceManager]:
    with audience_manager() as found:
        yield found


def test_check_connect_logs_in(
    server: AudienceManager, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(logging, "raiseExceptions", False)  # Airflow logs into what pytest has closed
    for folder in ("connections", "exports"):
        (tmp_path / "include" / folder).mkdir(parents=True)
    account = {"airflow_conn_id": "aam", "data_provider": "895", "retry_for": "0s"}
    declared = {"type": "local", "airflow_conn_id": "drop", "audience_manager": account}
    (tmp_path / "include" / "connections" / "mmp.yaml").write_text(json.dumps(declared))
    (tmp_path / "drop").mkdir()
    before = deepcopy(server.kept)
    monkeypatch.setenv("AIRFLOW_CONN_DROP", folder_connection(tmp_path / "drop"))
    for by_user in (True, False):
        monkeypatch.setenv("AIRFLOW_CONN_AAM", connection(server.address, by_user=by_user))
        assert main(["check", "--include", str(tmp_path / "include"), "--connect", "mmp"]) == 0
        assert f"logged in to Audience Manager at {server.address}/v1" in capsys.readouterr().out
    assert server.kept == before, "it creates nothing"
    monkeypatch.setenv("AIRFLOW_CONN_AAM", connection(server.address, password="another"))
    assert main(["check", "--include", str(tmp_path / "include"), "--connect", "mmp"]) == 1
    printed = capsys.readouterr()
    assert "mmp: does not deliver\nconnection mmp: cannot log in to Audience Manager" in printed.err
    assert SECRET not in printed.out + printed.err
