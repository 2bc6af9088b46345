"""What the Command and its arguments become: a connection to a server, or a program that follows the delivery."""

from __future__ import annotations

from pathlib import Path

import pytest

from sluice.workbench.imports import Given, import_files
from sluice.workbench.source import Source
from tests.unit.workbench.importing import declared, error, imported, line
from tests.unit.workbench.samples import ARGUMENTS, EXPORT
from tests.unit.workbench.variants import SERVERS

USERS = """\
FTP User Credentials = vector: 1 items
  0 = ftpUserCredInfo:
    User Name = string: courier
    User Password = EncryptedString: hush
    Server Name = string: Partner
    Public Key Path = string: E:\\\\keys\\\\public.pem
    Private Key Path = string: E:\\\\keys\\\\private
    Passphrase = EncryptedString: tush
"""


def test_ftp_and_sftp_become_sftp_connections(include: Path) -> None:
    ftp = imported(include, (ARGUMENTS, r"ftp \"%file%\" Partner in/daily"), servers=SERVERS, users=USERS)
    sftp = imported(include, (ARGUMENTS, r"sftp \"%file%\" \"Other Partner\" /in -k"), servers=SERVERS, users=USERS)

    assert declared(ftp, "partner") == {
        "type": "sftp",
        "title": "Partner",
        "airflow_conn_id": "sftp_partner",
        "folder": "in/daily",
    }
    assert declared(ftp, "user")["connection"] == "partner"
    assert declared(sftp, "other-partner")["folder"] == "/in"
    assert ftp.secrets == (
        "sluice airflow connections add sftp_partner --conn-type sftp --conn-host ftp.example.com --conn-port 22"
        " --conn-login @SFTP_USER --conn-password @SFTP_PASSWORD",
    )
    assert "--conn-port 2222" in sftp.secrets[0]
    assert '"key_file": "@SFTP_KEY_FILE"' in sftp.secrets[0]
    assert "by SFTP, because FTP" in line(ftp, "Command Arguments")
    assert line(ftp, "FTP User Credentials > 0 > User Password".partition(" > ")[2]).endswith("sftp_partner")
    assert not any(secret in f"{ftp.report}{ftp.secrets}{ftp.drafts}" for secret in ("courier", "hush", "tush"))


@pytest.mark.parametrize(("one", "other"), [("東京", "大阪"), ("ftp.acme.com", "ftp-acme.com"), ("Partner", "partner")])
def test_no_two_servers_share_an_airflow_connection(include: Path, one: str, other: str) -> None:
    """The files of one would go to the other."""
    servers = SERVERS.replace("string: Partner", f"string: {one}").replace("string: Other Partner", f"string: {other}")
    users = USERS.replace("string: Partner", f"string: {other}")
    hosts, ids = {}, {}
    for server in (one, other):
        arguments = (ARGUMENTS, rf"sftp \"%file%\" \"{server}\" /in")
        found = imported(include, arguments, servers=servers, users=users)
        (need,) = found.needs
        hosts[server], ids[server] = need.host, need.conn_id
        login = line(found, "FTP User Credentials > 0 > User Password".partition(" > ")[2])
        assert login.endswith(need.conn_id) == (server == other)
    assert hosts == {one: "ftp.example.com", other: "sftp.example.com"}
    assert len({*ids.values()}) == 2


def test_a_server_with_two_ways_to_log_in_is_one_airflow_connection(include: Path) -> None:
    """It can be created only once."""
    exports = [
        Source(f"{way}.export", EXPORT.replace(ARGUMENTS, rf"sftp \"%file%\" Partner /in -{way}").encode())
        for way in ("p", "k")
    ]
    found = import_files(Given(exports, servers=Source("servers.cfg", SERVERS.encode())), include)
    (need,) = found.needs
    assert (need.password, need.extra["key_file"]) == ("@SFTP_PASSWORD", "@SFTP_KEY_FILE")


def test_a_login_in_the_arguments_is_not_repeated(include: Path) -> None:
    wrong = r"sftp \"%file%\" courier:hush@ftp.example.com /in -p"
    page = error(include, (ARGUMENTS, wrong), servers=SERVERS)
    assert "the arguments name a server that is not known" in page
    assert "known: Other Partner, Partner" in page
    assert "courier" not in page
    assert "hush" not in page


def test_other_programs_follow_the_delivery_if_the_project_allows_them(include: Path) -> None:
    program = (" ExportIntegration.exe", r" C:\Scripts\flip.bat")
    changes = (program, (ARGUMENTS, r"-x \"%file%\" \"two words\""))

    refused = imported(include, *changes)
    (include / "project.yaml").write_text("commands: {flip: {program: /opt/bin/flip}}\n")
    allowed = imported(include, *changes)

    assert "follow_up" not in declared(refused, "user")
    assert line(refused, "Command").endswith("`commands` of project.yaml has no `flip`: add it, and import again")
    arguments = ["-x", "%file%", "two words"]
    assert declared(allowed, "user")["follow_up"] == {"command": "flip", "arguments": arguments, "once_per": "file"}
    assert "connection" not in declared(allowed, "user")


def test_a_command_runs_once_for_each_file(include: Path) -> None:
    """There, it got the one file of the export, and the file with its settings beside it."""
    (include / "project.yaml").write_text("commands: {flip: {program: /opt/bin/flip}}\n")
    both = imported(include, (" ExportIntegration.exe", " flip.bat"))
    none = imported(include, (" ExportIntegration.exe", " flip.bat"), (ARGUMENTS, "-x"))

    pair = {"command": "flip", "arguments": ["%file%.cfg", "%file%"], "once_per": "file"}
    assert declared(both, "user")["follow_up"] == pair
    assert "no file lies beside a delivered one" in line(both, "Command Arguments")
    assert declared(none, "user")["follow_up"] == {"command": "flip", "arguments": ["-x"]}


def test_arguments_that_a_command_cannot_have_are_left_out(include: Path) -> None:
    (include / "project.yaml").write_text("commands: {flip: {program: /opt/bin/flip}}\n")
    found = imported(include, (" ExportIntegration.exe", " flip.bat"), (ARGUMENTS, "%dir%"))

    assert "follow_up" not in declared(found, "user")
    assert "`%dir%` is not known" in line(found, "Command Arguments")
