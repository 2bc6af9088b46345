"""Airflow connections as access values: every kind of credential, every place a connection may stand in, no secret in
any text."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from airflow.sdk import Connection
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from sluice.airflow.connections import AirflowConnections, TaskConnections
from sluice.errors import DefinitionError, FatalError, RetriableError
from sluice.model.access import (
    AwsAccess,
    AwsKeys,
    AzureAccess,
    FolderAccess,
    FsspecAccess,
    GoogleAccess,
    SecretAccess,
    SftpAccess,
    SqlAccess,
)

ROOT = Path(__file__).resolve().parents[3]
SECRET = "a-very-secret-word"
SAS = f"sv=2024-01-01&se=2099-01-01T00:00:00Z&sr=c&sp=rwdl&sig={SECRET}"


@pytest.fixture(autouse=True, scope="module")
def airflow_home(tmp_path_factory: pytest.TempPathFactory) -> None:
    os.environ.setdefault("AIRFLOW_HOME", str(tmp_path_factory.mktemp("airflow")))


@pytest.fixture
def get(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Any:
    """Declare a connection and open it."""

    def open_connection(conn_type: str, **fields: Any) -> Any:
        monkeypatch.setenv("AIRFLOW_CONN_ONE", json.dumps({"conn_type": conn_type, **fields}))
        access = AirflowConnections(tmp_path / "none.yaml").get("one")
        assert SECRET not in repr(access)
        return access

    return open_connection


def test_a_folder(get: Any, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    assert get("fs", extra={"path": "/data/lake"}) == FolderAccess(Path("/data/lake"))
    monkeypatch.setenv("SLUICE_HOME", str(tmp_path))
    assert get("fs", extra={"path": "lake"}) == FolderAccess(tmp_path / "lake")
    monkeypatch.delenv("SLUICE_HOME")
    assert get("fs", extra={"path": "lake"}) == FolderAccess(ROOT / "lake")
    assert get("fs", extra={"path": "~/lake"}) == FolderAccess(Path.home() / "lake")
    with pytest.raises(DefinitionError, match="has no extra `path`"):
        get("fs")


@pytest.mark.slow
def test_amazon_by_key(get: Any) -> None:
    access = get("aws", login="AKIATEST", password=SECRET, extra={"region_name": "eu-west-1"})
    assert isinstance(access, AwsAccess)
    assert (access.region, access.endpoint_url, access.path_style, access.verify) == ("eu-west-1", None, False, True)
    assert access.keys() == AwsKeys("AKIATEST", SECRET)
    assert SECRET not in repr(access.keys())


@pytest.mark.slow
def test_amazon_at_another_address(get: Any) -> None:
    extra = {"service_config": {"s3": {"endpoint_url": "https://s3.local"}}, "verify": "/ca.pem"}
    access = get("aws", login="AKIATEST", password=SECRET, extra=extra)
    assert (access.endpoint_url, access.path_style, access.verify) == ("https://s3.local", True, "/ca.pem")
    virtual = {
        "endpoint_url": "https://s3.local",
        "config_kwargs": {"s3": {"addressing_style": "virtual"}},
        "verify": False,
    }
    access = get("aws", login="AKIATEST", password=SECRET, extra=virtual)
    assert (access.endpoint_url, access.path_style, access.verify) == ("https://s3.local", False, False)


def test_amazon_with_temporary_keys(get: Any) -> None:
    access = get("aws", login="ASIATEST", password=SECRET, extra={"aws_session_token": f"{SECRET}-token"})
    assert access.keys() == AwsKeys("ASIATEST", SECRET, f"{SECRET}-token")


@pytest.mark.slow
def test_google(get: Any) -> None:
    access = get("google_cloud_platform", extra={"hmac_access_id": "GOOG1", "hmac_secret": SECRET, "project": "p"})
    assert access == GoogleAccess(hmac=AwsKeys("GOOG1", SECRET), project="p")
    assert get("google_cloud_platform", extra={"is_anonymous": True, "api_endpoint": "http://g"}) == GoogleAccess(
        endpoint_url="http://g"
    )
    access = get("google_cloud_platform", extra={"keyfile_dict": json.dumps({"private_key": SECRET})})
    assert access.token is not None
    with pytest.raises(DefinitionError, match="has no extra `hmac_secret`"):
        get("google_cloud_platform", extra={"hmac_access_id": "GOOG1"})


@pytest.mark.parametrize(
    ("fields", "expected"),
    [
        (
            {"extra": {"connection_string": f"DefaultEndpointsProtocol=https;AccountName=acc;AccountKey={SECRET}=="}},
            AzureAccess("acc", key=f"{SECRET}=="),
        ),
        (
            {
                "extra": {
                    "connection_string": f"BlobEndpoint=https://acc.blob.core.windows.net/;SharedAccessSignature={SAS}"
                }
            },
            AzureAccess("acc", "https://acc.blob.core.windows.net", sas=SAS),
        ),
        (
            {
                "extra": {
                    "connection_string": f"AccountName=acc;AccountKey={SECRET};EndpointSuffix=core.chinacloudapi.cn"
                }
            },
            AzureAccess("acc", "https://acc.blob.core.chinacloudapi.cn", key=SECRET),
        ),
        ({"login": "acc", "password": SECRET}, AzureAccess("acc", key=SECRET)),
        ({"login": "acc", "extra": {"shared_access_key": SECRET}}, AzureAccess("acc", key=SECRET)),
        ({"host": "acc.blob.core.windows.net", "extra": {"sas_token": f"?{SAS}"}}, AzureAccess("acc", sas=SAS)),
        ({"host": "https://acc.blob.core.windows.net", "extra": {"sas_token": SAS}}, AzureAccess("acc", sas=SAS)),
        ({"extra": {"account_url": f"https://acc.blob.core.windows.net/?{SAS}"}}, AzureAccess("acc", sas=SAS)),
        (
            {"extra": {"sas_token": f"https://acc.blob.core.windows.net/dlz-destination?{SAS}"}},
            AzureAccess("acc", sas=SAS, container="dlz-destination"),
        ),
        (
            {"extra": {"sas_token": f"http://127.0.0.1:10000/devstore/box?{SAS}"}},
            AzureAccess("devstore", "http://127.0.0.1:10000/devstore", sas=SAS, container="box"),
        ),
        (
            {"host": "acc", "login": "client", "password": SECRET, "extra": {"tenant_id": "tenant"}},
            AzureAccess("acc", tenant="tenant", client_id="client", client_secret=SECRET),
        ),
        (
            {"host": "http://localhost:10000/devstore", "login": "devstore", "password": SECRET},
            AzureAccess("devstore", "http://localhost:10000/devstore", key=SECRET),
        ),
    ],
)
def test_azure_blob(get: Any, fields: dict[str, Any], expected: AzureAccess) -> None:
    assert get("wasb", **fields) == expected


def test_azure_data_lake(get: Any) -> None:
    principal = {"tenant_id": "tenant", "client_secret_auth_config": {"authority": "https://login.example"}}
    access = get("adls", host="acc", login="client", password=SECRET, extra=principal)
    expected = AzureAccess(
        "acc", tenant="tenant", client_id="client", client_secret=SECRET, authority="https://login.example"
    )
    assert access == expected
    access = get("adls", password=SECRET, extra={"account_url": "https://acc.dfs.core.windows.net"})
    assert access == AzureAccess("acc", key=SECRET)


def test_azure_without_credentials(get: Any) -> None:
    with pytest.raises(DefinitionError, match="has no connection string, account key, SAS token or service principal"):
        get("wasb", login="acc")
    with pytest.raises(DefinitionError, match="has no token in its SAS URL"):
        get("wasb", extra={"sas_token": "https://acc.blob.core.windows.net/box"})


def test_sftp(get: Any, tmp_path: Path) -> None:
    access = get("sftp", host="h", login="u", password=SECRET, extra={"host_key": "ssh-ed25519 AAAA"})
    assert access == SftpAccess("h", 22, "u", password=SECRET, host_key="ssh-ed25519 AAAA")
    (tmp_path / "key").write_text(f"-----BEGIN {SECRET}")
    extra = {"key_file": str(tmp_path / "key"), "private_key_passphrase": SECRET, "no_host_key_check": "true"}
    access = get("sftp", host="h", port=2222, login="u", extra=extra)
    assert access == SftpAccess(
        "h", 2222, "u", private_key=f"-----BEGIN {SECRET}", passphrase=SECRET, check_host_key=False
    )
    for written in (True, "true"):
        assert get("sftp", host="h", login="u", extra={"legacy_algorithms": written}).legacy_algorithms
    with pytest.raises(DefinitionError, match="key file /nowhere/key cannot be read"):
        get("sftp", host="h", login="u", extra={"key_file": "/nowhere/key"})
    with pytest.raises(DefinitionError, match="has no host"):
        get("sftp", login="u")


@pytest.mark.slow
def test_sql(get: Any) -> None:
    access = get("postgres", host="h", login="u", password=SECRET, schema="db")
    assert isinstance(access, SqlAccess)
    assert access.uri == f"postgresql://u:{SECRET}@h/db"


def test_a_secret_on_its_own(get: Any) -> None:
    assert get("generic", password=SECRET) == SecretAccess(SECRET.encode())
    with pytest.raises(DefinitionError, match="has no password"):
        get("generic", login=SECRET)


@pytest.mark.slow
def test_another_filesystem_and_none(get: Any) -> None:
    access = get("file")
    assert isinstance(access, FsspecAccess)
    assert access.open().exists("/")
    with pytest.raises(DefinitionError, match="is of type smtp, which is neither a filesystem nor a SQL database"):
        get("smtp", host="h")


@pytest.mark.slow
def test_a_missing_connection_names_the_nearest_and_the_command(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("AIRFLOW_CONN_ACME_S3", json.dumps({"conn_type": "aws"}))
    with pytest.raises(DefinitionError) as caught:
        AirflowConnections(tmp_path / "none.yaml").get("acme_s33")
    assert caught.value.nearest == "acme_s3"
    assert "airflow connections add acme_s33 --conn-type" in str(caught.value)


SETTINGS = f"""
airflow:
  connections:
    - conn_id: from_settings
      conn_type: sftp
      conn_host: files.example
      conn_port: 2022
      conn_login: drop
      conn_password: {SECRET}
      conn_extra: {{host_key: ssh-ed25519 AAAA}}
  pools: []
"""


def alone(program: str, folder: Path, **env: str) -> str:
    """What a program of its own prints: a process says but once what it is to Airflow."""
    known = {name: value for name, value in os.environ.items() if not name.startswith(("AIRFLOW", "_AIRFLOW"))}
    path = os.pathsep.join([str(ROOT / "src"), str(ROOT)])
    setting = {"AIRFLOW_HOME": str(folder), "PYTHONPATH": path, "SLUICE_HOME": str(folder)}
    done = subprocess.run(
        [sys.executable, "-c", program], env={**known, **setting, **env}, capture_output=True, text=True, timeout=100
    )
    assert done.returncode == 0, done.stderr[-3000:]
    return done.stdout.strip().splitlines()[-1]


def test_a_connection_that_this_task_may_not_have_is_told_so(monkeypatch: pytest.MonkeyPatch) -> None:
    from airflow.sdk import Connection
    from airflow.sdk.exceptions import AirflowSecretsBackendAccessDenied

    def refuse(conn_id: str) -> Connection:
        raise AirflowSecretsBackendAccessDenied(conn_id)

    monkeypatch.setattr(Connection, "get", refuse)
    with pytest.raises(FatalError, match="may not read the Airflow connection one"):
        AirflowConnections().get("one")


ASK = """
from sluice.airflow.connections import AirflowConnections, TaskConnections
access = AirflowConnections().get({conn_id!r})
print(access.host, access.port, access.username, access.host_key)
"""


@pytest.mark.slow
def test_a_command_reads_the_settings_file(tmp_path: Path) -> None:
    (tmp_path / "airflow_settings.yaml").write_text(SETTINGS)
    assert alone(ASK.format(conn_id="from_settings"), tmp_path) == "files.example 2022 drop ssh-ed25519 AAAA"


@pytest.mark.slow
def test_a_command_reads_airflows_database(tmp_path: Path) -> None:
    fill = """
from airflow.models import Connection
from airflow.settings import Session, engine
Connection.metadata.create_all(engine)
session = Session()
session.add(Connection(conn_id="in_database", conn_type="sftp", host="db.example", login="drop", port=22))
session.commit()
"""
    database = {"AIRFLOW__DATABASE__SQL_ALCHEMY_CONN": f"sqlite:///{tmp_path}/airflow.db"}
    assert alone(fill + ASK.format(conn_id="in_database"), tmp_path, **database) == "db.example 22 drop None"


@pytest.mark.slow
def test_a_task_asks_its_supervisor(tmp_path: Path) -> None:
    supervised = """
from airflow.sdk.execution_time import task_runner
from airflow.sdk.execution_time.comms import ConnectionResult, GetConnection
class Supervisor:
    def send(self, message):
        if isinstance(message, GetConnection):
            rest = dict.fromkeys(("schema", "password", "extra"))
            found = {"conn_type": "sftp", "host": "api.example", "login": "drop", "port": 22}
            return ConnectionResult(conn_id=message.conn_id, **found, **rest)
task_runner.SUPERVISOR_COMMS = Supervisor()
"""
    assert alone(supervised + ASK.format(conn_id="from_api"), tmp_path) == "api.example 22 drop None"


@pytest.mark.slow
@pytest.mark.parametrize(
    "extra",
    [
        {"keyfile_dict": "{broken"},
        {"keyfile_dict": "[1]"},
        {"keyfile_dict": json.dumps({"private_key": "x"})},
        {"keyfile_dict": json.dumps({"type": "service_account", "client_email": "a@b", "token_uri": "http://127.0.0.1:1/t",
                                     "private_key": "-----BEGIN PRIVATE KEY-----\nMIIB\n"})},
        {"key_path": "/nowhere/key.json"},
        {"key_path": "/nowhere/key.p12"},
    ],
)  # fmt: skip
def test_a_broken_google_key_is_not_tried_again(get: Any, extra: dict[str, str]) -> None:
    """A key that is cut, no JSON or not there passed for a failure of the network."""
    with pytest.raises(FatalError, match="cannot get a Google token") as caught:
        get("google_cloud_platform", extra=extra).token()
    assert "MIIB" not in caught.value.page()


@pytest.mark.slow
def test_a_token_server_of_google_s_that_is_down_is_tried_again(get: Any) -> None:
    made = rsa.generate_private_key(65537, 2048)
    pem = made.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode()
    key = {"type": "service_account", "client_email": "a@b", "token_uri": "http://127.0.0.1:1/t", "private_key": pem}
    with pytest.raises(RetriableError, match="did not answer"):
        get("google_cloud_platform", extra={"keyfile_dict": json.dumps(key)}).token()


def test_a_task_asks_airflow_once_for_each_connection(monkeypatch: pytest.MonkeyPatch) -> None:
    """And again after some seconds: a credential may be replaced during an upload. Another task asks for itself."""
    asked: list[str] = []
    real = Connection.get

    def get(conn_id: str) -> Connection:
        asked.append(conn_id)
        return real(conn_id)

    for name in ("ONE", "TWO"):
        monkeypatch.setenv(f"AIRFLOW_CONN_{name}", json.dumps({"conn_type": "fs", "extra": {"path": "/before"}}))
    monkeypatch.setattr(Connection, "get", get)
    task = TaskConnections()
    assert [task.get(name) for name in ("one", "two", "one", "two")] == [FolderAccess(Path("/before"))] * 4
    assert asked == ["one", "two"]
    monkeypatch.setenv("AIRFLOW_CONN_ONE", json.dumps({"conn_type": "fs", "extra": {"path": "/after"}}))
    assert TaskConnections().get("one") == FolderAccess(Path("/after"))
    assert task.get("one") == FolderAccess(Path("/before"))
    monkeypatch.setattr(TaskConnections, "KEPT", -1.0)
    assert task.get("one") == FolderAccess(Path("/after"))
    assert asked == ["one", "two", "one", "one"]
