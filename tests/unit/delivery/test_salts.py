"""Salted hashes over a whole run: right at the destination, and their salts nowhere."""

from __future__ import annotations

import gzip
import hmac
import json
import logging
from collections.abc import Iterator
from pathlib import Path

import pyarrow as pa
import pytest

from sluice.delivery.upload.receipts import Receipts
from sluice.errors import DefinitionError, FatalError
from sluice.model.access import SecretAccess
from sluice.model.part import Part
from tests.builders import World

SALT = b"sea-salt-and-vinegar-1a2b3c"
PEOPLE = pa.table({"id": range(20), "mail": [f" Name{n}@Example.COM" if n else None for n in range(20)]})
FILES = {
    "catalog/datasets.yaml": """
        people:
          kind: profile
          key: id
          source: {type: parquet, airflow_conn_id: lake, path: people}
        """,
    "catalog/segments.yaml": "all: {dataset: people, where: id >= 0}",
    "connections/out.yaml": "{type: local, airflow_conn_id: out}",
    "exports/mails.yaml": """
        kind: segment-export
        connection: out
        segments: [all]
        fields: [{field: mail, as: HASH, required: true, hash: {type: sha256, salt_conn_id: acme_salt}}]
        format: {type: json}
        chunks: {records: 5}
        """,
}


@pytest.fixture
def world(tmp_path: Path) -> World:
    world = World(tmp_path, extra={"acme_salt": SecretAccess(SALT)})
    world.declare(FILES)
    world.dataset("people", PEOPLE)
    world.refresh("all")
    return world


def expected(salt: bytes) -> list[str]:
    return [hmac.new(salt, f"name{n}@example.com".encode(), "sha256").hexdigest() for n in range(1, 20)]


def hashes(world: World) -> Iterator[str]:
    for name in world.delivered():
        if "part-" in name:
            yield from (
                json.loads(line)["HASH"]
                for line in gzip.decompress((world.root / "out" / name).read_bytes()).splitlines()
            )


@pytest.mark.slow
def test_the_consumer_can_compute_them(world: World) -> None:
    world.run("mails")
    assert list(hashes(world)) == expected(SALT)


@pytest.mark.slow
def test_the_salt_lies_nowhere(world: World, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.DEBUG):
        plan = world.plan("mails")
        report = world.run("mails")
    shown = f"{plan!r}{plan.model_dump_json()}{report!r}{caplog.text}{world.extra!r}"
    files = [path for path in world.root.rglob("*") if path.is_file()]
    assert {"plan.json", "all.json", "0000.json", "all.parquet"} <= {path.name for path in files}
    spellings = (SALT, SALT.hex().encode(), bytes(byte ^ 0x36 for byte in SALT), bytes(byte ^ 0x5C for byte in SALT))
    for spelling in spellings:
        assert spelling not in shown.encode()
        assert not [path for path in files if spelling in path.read_bytes()]


class Remembering:
    """Receipts that outlive an attempt."""

    def __init__(self) -> None:
        self.parts: dict[str, list[Part]] = {}

    def sent(self, extract: str) -> list[Part]:
        return self.parts.get(extract, [])

    def record(self, extract: str, parts: object) -> None:
        self.parts.setdefault(extract, []).extend(parts)  # type: ignore[arg-type]


@pytest.mark.slow
def test_a_delivery_is_hashed_under_one_salt(world: World) -> None:
    receipts: Receipts = Remembering()
    staged = world.extract("mails")
    world.upload(staged, receipts)
    world.extra["acme_salt"] = SecretAccess(b"another")
    with pytest.raises(FatalError, match="salt of its hashes has changed") as caught:
        world.upload(staged, receipts)
    assert caught.value.next_step == "clear the run from `extract` on"
    world.upload(world.extract("mails"), receipts)
    world.publish(staged)
    assert list(hashes(world)) == expected(b"another")


@pytest.mark.slow
def test_what_is_declared_otherwise_is_sent_anew(world: World) -> None:
    """As many rows of the same members: parts of the earlier declaration must not count for it."""
    receipts: Receipts = Remembering()
    world.upload(world.extract("mails"), receipts)
    world.declare({"exports/mails.yaml": FILES["exports/mails.yaml"].replace("as: HASH", "as: HASHED")})
    staged = world.extract("mails")
    world.upload(staged, receipts)
    world.publish(staged)
    (first, *_) = sorted(name for name in world.delivered() if "part-" in name)
    assert b"HASHED" in gzip.decompress((world.root / "out" / first).read_bytes())


@pytest.mark.slow
def test_a_missing_salt_is_told_before_anything_is_read(world: World) -> None:
    del world.extra["acme_salt"]
    with pytest.raises(DefinitionError, match="acme_salt"):
        world.extract("mails")
    text = FILES["exports/mails.yaml"].replace("acme_salt", "lake")
    world.declare({"exports/mails.yaml": text})
    with pytest.raises(DefinitionError, match="lake is not of type `generic`"):
        world.extract("mails")
