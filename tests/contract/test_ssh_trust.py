"""What a connection to an SFTP server trusts: host keys, logins' keys and algorithms. The same for a destination and
for a source."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import asyncssh
import pytest

from sluice.destinations import DESTINATIONS
from sluice.errors import DefinitionError, FatalError, SluiceError
from sluice.filesystem import open_filesystem
from tests.servers.fleet import Fleet
from tests.servers.ssh import PASSPHRASE, SftpServer, host_key, quirky

Use = Callable[[Fleet, str], None]


def deliver(fleet: Fleet, conn_id: str) -> None:
    config = {"type": "sftp", "airflow_conn_id": conn_id, "folder": "trust", "retry_for": "1s"}
    destination = DESTINATIONS["sftp"].model_validate(config).open(fleet, name="acme", threads=1)
    try:
        destination.put("one", [b"1"])
    finally:
        destination.close()


def read(fleet: Fleet, conn_id: str) -> None:
    assert open_filesystem(fleet, conn_id, "not-there", read_only=True).list() == []


@pytest.fixture(params=[deliver, read], ids=["destination", "source"])
def use(request: pytest.FixtureRequest) -> Use:
    found: Use = request.param
    return found


@pytest.fixture
def server(fleet: Fleet) -> SftpServer:
    return fleet.asyncssh


def connect(fleet: Fleet, server: SftpServer, **extra: Any) -> str:
    declared = json.loads(server.connection())
    declared["extra"] = {name: value for name, value in ({"host_key": server.host_key} | extra).items() if value}
    return fleet.connect("trust", json.dumps(declared))


def forms(server: SftpServer, other: str) -> Iterator[str]:
    kind, blob = server.host_key.split()[:2]
    yield f"{kind} {blob}"
    yield blob
    yield f"{kind} {blob} somebody@somewhere"
    yield f"127.0.0.1 {kind} {blob}"
    name = f"[127.0.0.1]:{server.port}"
    scanned = f"# {name} SSH-2.0-x\n{name} {other}\n{name} {kind} {blob}\n"
    yield scanned
    yield scanned.replace("\n", " ")


@pytest.mark.parametrize("number", range(6))
def test_one_line_of_host_key_means_the_same_everywhere(
    number: int, fleet: Fleet, server: SftpServer, tmp_path: Path, use: Use
) -> None:
    line = list(forms(server, host_key(tmp_path, "other")[1]))[number]
    use(fleet, connect(fleet, server, host_key=line))


def refused(use: Use, fleet: Fleet, conn_id: str, kind: type[SluiceError]) -> str:
    with pytest.raises(kind) as caught:
        use(fleet, conn_id)
    assert type(caught.value) is kind
    return caught.value.page()


def test_an_unreadable_host_key_is_a_mistake_of_the_connection(fleet: Fleet, server: SftpServer, use: Use) -> None:
    page = refused(use, fleet, connect(fleet, server, host_key="ssh-ed25519 AAAAbroken"), DefinitionError)
    assert f"as `ssh-keyscan -p {server.port} 127.0.0.1` prints it" in page


def test_no_known_key_is_told_from_a_changed_one(fleet: Fleet, server: SftpServer, tmp_path: Path, use: Use) -> None:
    hosts = tmp_path / "known_hosts"
    hosts.write_text(f"[elsewhere.example]:22 {server.host_key}\n")
    page = refused(use, fleet, connect(fleet, server, host_key=None, known_hosts=str(hosts)), FatalError)
    assert f"no host key is known for 127.0.0.1:{server.port}" in page
    assert f"put what `ssh-keyscan -p {server.port} 127.0.0.1` prints into the extra `host_key`" in page
    other = host_key(tmp_path, "other")[1]
    hosts.write_text(f"[127.0.0.1]:{server.port} {other}\n")
    for extra in ({"host_key": None, "known_hosts": str(hosts)}, {"host_key": other}):
        page = refused(use, fleet, connect(fleet, server, **extra), FatalError)
        assert "is not the one that is known for it" in page


def test_a_key_of_another_kind_is_a_changed_one(fleet: Fleet, server: SftpServer, use: Use) -> None:
    key = asyncssh.generate_private_key("ecdsa-sha2-nistp256").export_public_key().decode()
    page = refused(use, fleet, connect(fleet, server, host_key=key), FatalError)
    assert "is not the one that is known for it" in page


def test_known_hosts_of_the_users_home(
    fleet: Fleet, server: SftpServer, tmp_path: Path, use: Use, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    for line in (f"[127.0.0.1]:{server.port} {server.host_key}", f"127.0.0.1 {server.host_key}"):
        (tmp_path / "mine").write_text(line + "\n")
        use(fleet, connect(fleet, server, host_key=None, known_hosts="~/mine"))
    page = refused(use, fleet, connect(fleet, server, host_key=None), FatalError)
    assert "no host key is known" in page, "there is no ~/.ssh/known_hosts"
    (tmp_path / ".ssh").mkdir()
    (tmp_path / "mine").rename(tmp_path / ".ssh" / "known_hosts")
    use(fleet, connect(fleet, server, host_key=None))


@pytest.mark.parametrize("written", [None, "no key at all\n", "@nonsense 127.0.0.1 ssh-rsa AAAA\n"])
def test_known_hosts_that_cannot_be_read(
    written: str | None, fleet: Fleet, server: SftpServer, tmp_path: Path, use: Use
) -> None:
    path = tmp_path / "hosts"
    if written is not None:
        path.write_text(written)
    wanted = connect(fleet, server, host_key=None, known_hosts=str(path))
    if written == "no key at all\n":  # a file whose lines are none of ours
        assert "no host key is known" in refused(use, fleet, wanted, FatalError)
        return
    page = refused(use, fleet, wanted, DefinitionError)
    assert str(path) in page
    assert ("No such file" if written is None else "not in OpenSSH's form") in page


KEYS: dict[str, tuple[Callable[[str], str], str]] = {
    "one line": (lambda text: text.replace("\n", " "), "its line breaks are missing"),
    "no spaces": (lambda text: text.replace("\n", ""), "its line breaks are missing"),
    "backslashes": (lambda text: text.replace("\n", "\\n"), "its line breaks are missing"),
    "PuTTY": (lambda _: "PuTTY-User-Key-File-3: ssh-rsa\nEncryption: none\nComment: x\n", "PuTTY's format"),
    "cut": (lambda text: text[: len(text) // 2], "it is damaged"),
    "no passphrase": (lambda text: text, "passphrase is missing"),
}


@pytest.mark.parametrize("name", KEYS)
def test_a_login_key_that_cannot_be_read(name: str, fleet: Fleet, server: SftpServer, use: Use) -> None:
    spoil, said = KEYS[name]
    text = spoil((server.folder.parent / "client_key").read_text())
    page = refused(use, fleet, connect(fleet, server, private_key=text), DefinitionError)
    assert said in page
    assert not any(line in page for line in text.split() if len(line) > 20)


def test_a_wrong_passphrase(fleet: Fleet, server: SftpServer, use: Use) -> None:
    text = (server.folder.parent / "client_key").read_text()
    wrong = connect(fleet, server, private_key=text, private_key_passphrase=PASSPHRASE + "x")
    assert "its passphrase is missing or wrong" in refused(use, fleet, wrong, DefinitionError)


@pytest.mark.filterwarnings("ignore:Diffie-Hellman over finite fields")
@pytest.mark.parametrize("quirk", ["sha1-kex", "sha1-mac", "sha1-key"])
def test_sha1_is_allowed_by_a_word(quirk: str, fleet: Fleet, tmp_path: Path, use: Use) -> None:
    with quirky(tmp_path, quirk) as old:
        page = refused(use, fleet, connect(fleet, old), FatalError)
        assert "algorithms that use SHA-1" in page
        assert "`legacy_algorithms: true`" in page
        use(fleet, connect(fleet, old, legacy_algorithms=True))


def test_a_login_key_of_rsa_signs_by_sha1_only_if_allowed(fleet: Fleet, tmp_path: Path, use: Use) -> None:
    key = asyncssh.generate_private_key("ssh-rsa", key_size=2048)
    key.write_public_key(str(tmp_path / "login.pub"))
    with quirky(tmp_path, "sha1-login") as old:
        extra = {"host_key": old.host_key, "private_key": key.export_private_key().decode()}
        by_key = fleet.connect("trust", old.connection(password=None, extra=extra))
        page = refused(use, fleet, by_key, FatalError)
        assert "refuses the login" in page
        assert "use an Ed25519 key, or the extra `legacy_algorithms: true`" in page
        use(fleet, fleet.connect("trust", old.connection(password=None, extra=extra | {"legacy_algorithms": True})))


@pytest.mark.parametrize("path", ["~", "~/inbound"])
def test_a_shells_home_is_no_path_of_a_source(path: str, fleet: Fleet, server: SftpServer) -> None:
    with pytest.raises(DefinitionError, match="only a shell knows `~`") as caught:
        open_filesystem(fleet, connect(fleet, server), path)
    assert caught.value.nearest == repr(path[2:])
