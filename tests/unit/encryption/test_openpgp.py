"""OpenPGP: what is delivered opens with the recipient's key and no other; wrong keys fail before anything is sent."""

from __future__ import annotations

import gzip
import hashlib
import json
import shutil
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import pyarrow as pa
import pytest
from pysequoia import Cert, decrypt

from sluice.airflow.connections import AirflowConnections
from sluice.delivery.probe import probed
from sluice.delivery.resend import load_run
from sluice.delivery.upload.receipts import Receipts
from sluice.delivery.verify import verify
from sluice.encryption.openpgp import MIB, OpenPgp
from sluice.errors import DefinitionError, FatalError, SluiceError
from sluice.model.access import FolderAccess, KeyAccess
from sluice.model.manifest import Manifest
from sluice.model.part import Part
from tests.builders import World
from tests.unit.encryption.keys import Key

PEOPLE = pa.table({"id": range(1000), "name": [f"Név {n}" for n in range(1000)]})
PARTNER, OTHER, US = Key.new(), Key.new("other@example.com"), Key.new("us@example.com")
SPEC = OpenPgp(encrypt_to=("partner_key", "other_key"), sign_with="our_key")
FILES = {
    "catalog/datasets.yaml": """
        people: {kind: profile, key: id, source: {type: parquet, airflow_conn_id: lake, path: people}}
        """,
    "connections/out.yaml": """
        type: local
        airflow_conn_id: out
        folder: drop
        openpgp: {encrypt_to: [partner_key, other_key], sign_with: our_key}
        """,
    "exports/people.yaml": """
        kind: dataset-export
        connection: out
        datasets: [people]
        mode: full
        format: {type: json}
        chunks: {records: 300}
        """,
}


@pytest.fixture
def world(tmp_path: Path) -> World:
    world = World(tmp_path)
    world.extra |= {
        "partner_key": PARTNER.access(),
        "other_key": OTHER.access(),
        "our_key": US.access(private=True),
    }
    world.declare(FILES)
    world.dataset("people", PEOPLE, files=2)
    return world


def manifest_of(world: World) -> Manifest:
    (found,) = [name for name in world.delivered() if "manifest-" in name]
    return Manifest.model_validate_json((world.root / "out" / found).read_bytes())


def bodies(world: World) -> list[bytes]:
    """Each listed part's bytes, once they are seen to be those that the manifest states."""
    found = []
    for part in manifest_of(world).exportResults:
        body = (world.root / "out" / "drop" / part.path).read_bytes()
        assert (len(body), hashlib.sha256(body).hexdigest()) == (part.size, part.sha256)
        found.append(body)
    return found


def opened(body: bytes, key: Key = PARTNER) -> bytes:
    """The message's content, whose signature is ours."""
    found = decrypt(body, key.secret.decryptor(), lambda _: [Cert.from_bytes(US.public.encode())])
    assert len(found.valid_sigs) == 1
    assert found.bytes is not None
    return found.bytes


def ids(*plain: bytes) -> list[int]:
    """Of the rows of these files, one after another."""
    return [json.loads(line)["id"] for one in plain for line in gzip.decompress(one).splitlines()]


@pytest.mark.slow
def test_every_part_opens_with_each_recipients_key_and_bears_our_signature(world: World) -> None:
    report = world.run("people")
    parts = bodies(world)
    assert len(parts) == report.files == 4
    for key in (PARTNER, OTHER):
        assert ids(*(opened(body, key) for body in parts)) == list(range(1000))
    with pytest.raises(RuntimeError):
        decrypt(parts[0], Key.new().secret.decryptor())
    assert all(part.name.endswith(".json.gz.gpg") for part in manifest_of(world).exportResults)


class GnuPG:
    """The `gpg` program with its own key ring."""

    def __init__(self, home: Path) -> None:
        home.mkdir(mode=0o700)
        (home / "gpg-agent.conf").write_text(
            "s2k-count 65536\n"
        )  # what it measures by itself takes half a second a use
        self._home = str(home)

    def __call__(self, *words: str, given: bytes = b"") -> bytes:
        command = ["gpg", "--homedir", self._home, "--batch", "--quiet", "--pinentry-mode", "loopback"]
        return subprocess.run([*command, *words], input=given, capture_output=True, check=True).stdout

    def close(self) -> None:
        subprocess.run(["gpgconf", "--homedir", self._home, "--kill", "all"], check=False)


@pytest.fixture
def gpg(tmp_path: Path) -> Iterator[GnuPG]:
    if shutil.which("gpg") is None:
        pytest.skip("GnuPG is not installed")
    found = GnuPG(tmp_path / "gnupg")
    yield found
    found.close()


@pytest.mark.slow
def test_gnupg_opens_what_is_delivered_to_its_keys(world: World, gpg: GnuPG) -> None:
    words = ("--passphrase", "hunter22")
    for user in ("partner@example.com", "us@example.com"):
        gpg(*words, "--quick-gen-key", user, "future-default")
    public = gpg("--armor", "--export", "partner@example.com").decode()
    private = gpg(*words, "--armor", "--export-secret-keys", "us@example.com").decode()
    world.extra["partner_key"] = world.extra["other_key"] = KeyAccess(public_key=public)
    world.extra["our_key"] = KeyAccess(private_key=private, passphrase="hunter22")
    world.run("people")
    assert ids(*(gpg(*words, "--decrypt", given=body) for body in bodies(world))) == list(range(1000))
    world.extra["our_key"] = KeyAccess(private_key=private, passphrase="hunter23")
    with pytest.raises(FatalError, match="its passphrase is wrong or missing"):
        world.extract("people", "manual__2")


@pytest.mark.slow
def test_verify_finds_all_well_and_a_changed_byte(world: World) -> None:
    world.run("people")
    manifest = manifest_of(world)
    connection = world.plan("people").connection
    destination = connection.destination.open(world, name="out", threads=2)
    assert verify(manifest, destination) == []
    path = world.root / "out" / "drop" / manifest.exportResults[0].path
    path.write_bytes(path.read_bytes()[:-1] + b"x")
    assert len(verify(manifest, destination)) == 1


class Parts(Receipts):
    """A receipts that lives as long as the test."""

    def __init__(self) -> None:
        self.parts: dict[str, Part] = {}

    def sent(self, extract: str) -> list[Part]:
        return list(self.parts.values())

    def record(self, extract: str, parts: object) -> None:
        self.parts |= {part.name: part for part in parts}  # type: ignore[attr-defined]


@pytest.mark.slow
def test_a_retry_keeps_the_parts_that_were_sent_and_encrypts_the_others_anew(world: World) -> None:
    receipts = Parts()
    staged = world.extract("people")
    world.upload(staged, receipts)
    files = sorted((world.root / "out").rglob("part-*"))
    before = {file.name: file.read_bytes() for file in files}
    files[1].unlink()
    world.upload(staged, receipts)
    world.publish(staged)
    now = {file.name: file.read_bytes() for file in files}
    assert [name for name in now if now[name] != before[name]] == [files[1].name]
    assert len(bodies(world)) == 4, "the manifest states the new part's size and checksum"


@pytest.mark.slow
def test_a_receipt_of_other_bytes_of_the_same_size_is_not_believed(world: World) -> None:
    receipts = Parts()
    staged = world.extract("people")
    world.upload(staged, receipts)
    file = sorted((world.root / "out").rglob("part-*"))[2]
    file.write_bytes(bytes(file.stat().st_size))
    world.upload(staged, receipts)
    world.publish(staged)
    assert [len(ids(opened(body))) for body in bodies(world)] == [300, 300, 300, 100]


@pytest.mark.slow
def test_a_published_run_that_is_cleared_leaves_its_parts_as_the_manifest_lists_them(world: World) -> None:
    staged = world.extract("people")
    world.upload(staged)
    world.publish(staged)
    before, manifest = bodies(world), manifest_of(world)
    staged = world.extract("people")
    world.upload(staged)
    assert bodies(world) == before, "a reader may be at it"
    world.publish(staged)
    assert (bodies(world), manifest_of(world)) == (before, manifest)


@pytest.mark.slow
def test_a_resend_is_refused(world: World) -> None:
    world.run("people")
    plan = world.plan("people")
    with pytest.raises(FatalError, match="was encrypted, and encryption never produces"):
        load_run(plan.staging, "people", str(plan.run.id), world)


@pytest.mark.slow
def test_parts_keep_the_limit_in_bytes_once_encrypted(world: World) -> None:
    limit = FILES["exports/people.yaml"].replace("{records: 300}", "{bytes: 3000}")
    world.declare({"exports/people.yaml": limit})
    world.run("people")
    parts = bodies(world)
    assert max(map(len, parts)) <= 3000
    assert ids(*map(opened, parts)) == list(range(1000))


@pytest.mark.slow
def test_abort_removes_encrypted_parts(world: World) -> None:
    staged = world.extract("people")
    world.upload(staged)
    assert world.abort(staged).removed == 4
    assert world.delivered() == []


SECRET_TEXTS = ("PRIVATE", "hunter22")
EXPIRED = Key.new("old@example.com", lives=1)


def _wrong() -> Iterator[tuple[str, object, type[SluiceError], str]]:
    yield "our_key", PARTNER.access(), DefinitionError, "the Airflow connection our_key has no private key"
    yield "partner_key", US.access(private=True), DefinitionError, "partner_key has no public key"
    yield "partner_key", KeyAccess(public_key=US.private), DefinitionError, "or a private key in its place"
    yield (
        "partner_key",
        KeyAccess(public_key="hello"),
        DefinitionError,
        "the extra `public_key` of .* is not an OpenPGP",
    )
    yield (
        "our_key",
        KeyAccess(private_key="hunter22"),
        DefinitionError,
        "the extra `private_key` of .* is not an OpenPGP",
    )
    yield "our_key", KeyAccess(private_key=US.public), FatalError, "the private key of .* cannot sign"
    yield "partner_key", FolderAccess(Path()), DefinitionError, "partner_key has no OpenPGP key"
    yield "partner_key", EXPIRED.access(), FatalError, "expired at"


@pytest.mark.parametrize(("conn_id", "access", "error", "says"), list(_wrong()), ids=lambda value: str(value)[:40])
def test_wrong_keys_fail_before_anything_is_read_or_sent(
    world: World, conn_id: str, access: FolderAccess, error: type[SluiceError], says: str
) -> None:
    time.sleep(max(0.0, _expiry() - time.time()))
    world.extra[conn_id] = access
    with pytest.raises(error, match=f"connection out: .*{says}") as caught:
        world.extract("people")
    with pytest.raises(error):
        probed(world.plan("people").connection, world)
    assert world.delivered() == []
    assert not any(text in caught.value.page() for text in SECRET_TEXTS)


def _expiry() -> float:
    ends = EXPIRED.secret.extract_certificate().expiration
    assert ends is not None
    return ends.timestamp() + 0.1


def test_keys_that_are_lost_on_the_way_publish_nothing(world: World) -> None:
    staged = world.extract("people")
    world.extra["our_key"] = PARTNER.access()
    with pytest.raises(DefinitionError):
        world.upload(staged)
    assert world.delivered() == []


def test_a_connection_that_delivers_has_its_keys_tried(world: World) -> None:
    assert "sluice-probe" in probed(world.plan("people").connection, world)


def test_a_part_beyond_the_limit_is_refused_with_what_to_lower(world: World) -> None:
    encryptor = OpenPgp(encrypt_to=("partner_key",), most_mib=1).open(world, name="out")
    assert len(b"".join(encryptor.encrypt([bytes(MIB)]))) > MIB
    with pytest.raises(FatalError, match=r"a part has more than 1 MiB(.|\n)*lower the export's `chunks.records`"):
        list(encryptor.encrypt(bytes(MIB // 4) for _ in range(5)))


def test_what_is_encrypted_twice_is_of_other_bytes_and_the_same_content(world: World) -> None:
    encryptor = SPEC.open(world, name="out")
    one, two = (b"".join(encryptor.encrypt([b"a", b"b"])) for _ in range(2))
    assert one != two
    assert opened(one) == opened(two) == b"ab"


def test_no_key_shows(world: World) -> None:
    encryptor = SPEC.open(world, name="out")
    access = US.access(private=True)
    assert "PRIVATE" not in f"{encryptor!r} {access!r} {world.plan('people')!r}"


@pytest.mark.slow
def test_keys_come_from_airflow_connections_of_type_generic(monkeypatch: pytest.MonkeyPatch) -> None:
    def declare(conn_id: str, **extra: str) -> None:
        monkeypatch.setenv(f"AIRFLOW_CONN_{conn_id.upper()}", json.dumps({"conn_type": "generic", "extra": extra}))

    declare("partner_key", public_key=PARTNER.public)
    declare("other_key", public_key=OTHER.public)
    declare("our_key", private_key=US.private)
    body = b"".join(SPEC.open(AirflowConnections(), name="out").encrypt([b"hello"]))
    assert opened(body) == b"hello"
