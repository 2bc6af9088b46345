"""Server-side encryption: what a declaration asks for arrives at the server, with every kind of write and no other."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import timedelta
from urllib.parse import parse_qs, urlsplit

import pytest
from pydantic import ValidationError

from sluice.destinations import DESTINATIONS
from sluice.destinations.base import Destination
from sluice.errors import DefinitionError
from tests.servers import azurite, gcs, lake, s3
from tests.servers.faults import FaultProxy, faults
from tests.servers.fleet import Fleet

PIECE = 5 << 20
KEY = "arn:aws:kms:us-east-1:123456789012:key/abcd-1234"
GOOGLE_KEY = "projects/p/locations/europe/keyRings/r/cryptoKeys/k"
S3_HEADERS = ("x-amz-server-side-encryption", "x-amz-server-side-encryption-aws-kms-key-id")
BUCKET_KEY = "x-amz-server-side-encryption-bucket-key-enabled"


@dataclass(frozen=True)
class Asked:
    """A declaration, a server, the connection to it by an address, and what must arrive with a write."""

    type: str
    declared: dict[str, object]
    server: Callable[[Fleet], str]
    connection: Callable[[str], str]
    headers: dict[str, str] = field(default_factory=dict)
    query: dict[str, str] = field(default_factory=dict)
    on_pieces: bool = True
    """Whether it goes with the pieces of a long file; S3 refuses it there."""

    def __str__(self) -> str:
        return f"{self.type} {' '.join([*self.headers.values(), *self.query])}"


def _by_sas(address: str) -> str:
    token = azurite.sas(azurite.CONTAINER, timedelta(hours=1), "racwdl")
    return json.dumps({"conn_type": "wasb", "host": address, "extra": {"sas_token": token}})


def _s3(declared: dict[str, object], **headers: str) -> Asked:
    server: Callable[[Fleet], str] = lambda fleet: fleet.rclone  # noqa: E731 - it verifies every signature
    values = dict(zip((*S3_HEADERS, BUCKET_KEY), headers.values(), strict=False))
    return Asked("s3", {"bucket": s3.BUCKET, "encryption": declared}, server, s3.connection, values, on_pieces=False)


CASES = (
    _s3({"type": "aes256"}, type="AES256"),
    _s3({"type": "kms"}, type="aws:kms"),
    Asked(
        "s3",
        {"bucket": s3.BUCKET, "acl": "bucket-owner-full-control"},
        lambda fleet: fleet.rclone,
        s3.connection,
        {"x-amz-acl": "bucket-owner-full-control"},
        on_pieces=False,
    ),
    _s3({"type": "kms", "key": KEY, "bucket_key": True}, type="aws:kms", key=KEY, bucket_key="true"),
    Asked(
        "gcs",
        {"bucket": gcs.BUCKET, "kms_key": GOOGLE_KEY},
        lambda fleet: fleet.cloud_storage.address,
        str,
        {"x-goog-encryption-kms-key-name": GOOGLE_KEY},
    ),
    Asked(
        "azure-blob",
        {"container": azurite.CONTAINER, "encryption_scope": "acme"},
        lambda fleet: fleet.loose_azurite,
        azurite.by_connection_string,
        {"x-ms-encryption-scope": "acme"},
    ),
    Asked(
        "azure-blob",
        {"container": azurite.CONTAINER, "encryption_scope": "acme"},
        lambda fleet: fleet.loose_azurite,
        _by_sas,
        {"x-ms-encryption-scope": "acme"},
    ),
    Asked(
        "adls",
        {"filesystem": azurite.CONTAINER, "encryption_scope": "acme"},
        lambda fleet: fleet.loose_azurite,
        lake.by_key,
        {"x-ms-encryption-scope": "acme"},
    ),
)


@pytest.fixture
def watched(fleet: Fleet, asked: Asked) -> Iterator[tuple[Destination, FaultProxy]]:
    """The destination as declared, through a proxy that writes down what passes."""
    address = urlsplit(asked.server(fleet))
    with faults(address.port or 0) as proxy:
        through = address._replace(netloc=f"127.0.0.1:{proxy.port}").geturl()
        body = asked.connection(through)
        if asked.type == "gcs":
            body = fleet.cloud_storage.connection().replace(fleet.cloud_storage.address, through)
        conn_id = fleet.connect("watched", body)
        declared = {"type": asked.type, "airflow_conn_id": conn_id, "folder": "sse", "piece_mib": 5, **asked.declared}
        at = DESTINATIONS[asked.type].model_validate(declared).open(fleet, name="acme", threads=4)
        yield at, proxy
        at.close()


def _headers(head: str) -> dict[str, str]:
    lines = (line.split(": ", 1) for line in head.split("\r\n")[1:] if ": " in line)
    return {name.lower(): value for name, value in lines}


def _carries(head: str, asked: Asked) -> bool:
    query = parse_qs(urlsplit(head.split(" ")[1]).query)
    arrived = {name: values[0] for name, values in query.items()} | _headers(head)
    return all(arrived.get(name) == value for name, value in (asked.headers | asked.query).items())


@pytest.mark.parametrize("asked", CASES, ids=str)
def test_every_write_asks_for_it_and_nothing_else_does(asked: Asked, watched: tuple[Destination, FaultProxy]) -> None:
    at, proxy = watched
    small, large = b"manifest", bytes(2 * PIECE + 1)
    at.put("small", [small])
    at.put("large", (large[start : start + PIECE] for start in range(0, len(large), PIECE)))
    assert (b"".join(at.read("small")), b"".join(at.read("large"))) == (small, large)
    assert at.stat("small") is not None
    assert len(list(at.list(""))) == 2
    at.remove(["small", "large"])
    at.abort(["small"])

    writes = [head for head in proxy.heads if re.match(r"PUT |POST [^ ]*\?uploads", head)]
    pieces = [head for head in writes if re.search(r"partNumber=|comp=block(&|\s)", head)]
    assert len(writes) >= 5
    assert len(pieces) == 3
    for head in writes:
        assert _carries(head, asked) == (asked.on_pieces or head not in pieces), head.split("\r\n")[0]
    others = [head for head in proxy.heads if re.match("GET|HEAD|DELETE", head)]
    assert len(others) >= 4
    assert not any(_carries(head, asked) for head in others)


@pytest.mark.parametrize("asked", CASES[:1], ids=str)
def test_what_is_not_declared_is_not_asked(fleet: Fleet, asked: Asked) -> None:
    with faults(urlsplit(asked.server(fleet)).port or 0) as proxy:
        conn_id = fleet.connect("plain", s3.connection(f"http://127.0.0.1:{proxy.port}"))
        config = DESTINATIONS["s3"].model_validate({"type": "s3", "airflow_conn_id": conn_id, "bucket": s3.BUCKET})
        config.open(fleet, name="acme", threads=1).put("plain", [b"x"])
        assert "encryption" not in "".join(proxy.heads)


def test_a_server_that_keeps_the_header_says_so(fleet: Fleet) -> None:
    declared = {"type": "s3", "bucket": s3.BUCKET, "encryption": {"type": "kms", "key": KEY}}
    conn_id = fleet.connect("kept", s3.connection(fleet.ministack))
    config = DESTINATIONS["s3"].model_validate({"airflow_conn_id": conn_id, "piece_mib": 5, **declared})
    at = config.open(fleet, name="acme", threads=1)
    at.put("kept", [b"x"])
    found = s3.client(fleet.ministack).head_object(Bucket=s3.BUCKET, Key="kept")
    assert (found["ServerSideEncryption"], found["SSEKMSKeyId"]) == ("aws:kms", KEY)
    at.close()


def test_google_hmac_keys_cannot_name_a_kms_key(fleet: Fleet) -> None:
    conn_id = fleet.connect("interoperable", fleet.cloud_storage.by_hmac())
    declared = {"type": "gcs", "airflow_conn_id": conn_id, "bucket": gcs.BUCKET, "kms_key": GOOGLE_KEY}
    with pytest.raises(DefinitionError, match="connection acme: `kms_key` needs a service account"):
        DESTINATIONS["gcs"].model_validate(declared).open(fleet, name="acme", threads=1)


PLACE = {"s3": {"bucket": "b"}, "gcs": {"bucket": "b"}, "azure-blob": {"container": "c"}, "adls": {"filesystem": "f"}}
KEYS = {"encryption": {"type": "aes256"}, "kms_key": GOOGLE_KEY, "encryption_scope": "acme"}
TAKES = {"s3": "encryption", "gcs": "kms_key", "azure-blob": "encryption_scope", "adls": "encryption_scope"}


def test_every_type_that_takes_a_key_is_examined() -> None:
    assert {asked.type for asked in CASES} == set(TAKES)


@pytest.mark.parametrize("key", KEYS)
@pytest.mark.parametrize("kind", DESTINATIONS)
def test_a_type_refuses_the_keys_of_others(kind: str, key: str) -> None:
    declared = {"type": kind, "airflow_conn_id": "x", **PLACE.get(kind, {}), key: KEYS[key]}
    if TAKES.get(kind) == key:
        DESTINATIONS[kind].model_validate(declared)
        return
    with pytest.raises(ValidationError, match="Extra inputs are not permitted"):
        DESTINATIONS[kind].model_validate(declared)


@pytest.mark.parametrize(
    ("kind", "wrong"),
    [
        ("s3", {"encryption": {"type": "aes256", "key": KEY}}),
        ("s3", {"encryption": {"type": "aes256", "bucket_key": True}}),
        ("s3", {"encryption": {"type": "sse-c"}}),
        ("gcs", {"kms_key": "mykey"}),
        ("gcs", {"kms_key": GOOGLE_KEY + "/cryptoKeyVersions/1"}),
        ("azure-blob", {"encryption_scope": "a scope"}),
        ("adls", {"encryption_scope": "x"}),
    ],
)
def test_values_that_no_server_takes_are_refused(kind: str, wrong: dict[str, object]) -> None:
    with pytest.raises(ValidationError):
        DESTINATIONS[kind].model_validate({"type": kind, "airflow_conn_id": "x", **PLACE[kind], **wrong})
