"""What comes of servers that lie: that change bytes, answer what no store answers, or send us elsewhere.

`docs/destinations.md` has the table; every row is one of `LIES`.
"""

from __future__ import annotations

import base64
import hashlib
import re
from collections.abc import Iterator
from contextlib import ExitStack, closing, suppress
from pathlib import Path

import google_crc32c
import pytest

from sluice.destinations import DESTINATIONS
from sluice.errors import FatalError, SluiceError
from tests.builders import World
from tests.servers import s3
from tests.servers.fault_cases import BUCKET, CONTAINER, MIB, QUICK, Stage
from tests.servers.fleet import Fleet
from tests.servers.lie_cases import ACTS, LIES, NAME, PAGE, Lie
from tests.unit.delivery.scene import EXPORT, Scene


@pytest.fixture
def stage(fleet: Fleet, tmp_path: Path) -> Iterator[Stage]:
    with ExitStack() as until:
        yield Stage(fleet, tmp_path, until)


@pytest.mark.parametrize("lie", LIES, ids=str)
def test_a_lie_is_seen(lie: Lie, stage: Stage) -> None:
    conn_id = stage.fleet.connect("lying", lie.connection(stage))
    declared = {"type": lie.type, "airflow_conn_id": conn_id, "folder": "lies", **lie.declared, **QUICK}
    config = DESTINATIONS[lie.type].model_validate(declared)
    failure: SluiceError | None = None
    with closing(config.open(stage.fleet, name="acme", threads=2)) as at:
        if lie.act not in ("write", "write in pieces"):
            with suppress(SluiceError):
                at.put(NAME, [b"there"])
        try:
            ACTS[lie.act](at)
        except SluiceError as error:
            failure = error
        said = str(failure).replace("\n", " ")
        if lie.error is None:
            assert failure is None, said
            assert b"".join(at.read(NAME)) == b"small"
            return
    assert type(failure) is lie.error, said
    assert re.search(lie.text, said), said
    assert "connection acme: " in said
    assert not re.search(f"sig=|{re.escape(PAGE[:20])}", said)


def _digests(body: bytes) -> dict[str, str]:
    crc, md5 = google_crc32c.Checksum(body).digest(), hashlib.md5(body, usedforsecurity=False).digest()
    return {name: base64.b64encode(digest).decode() for name, digest in (("crc32c", crc), ("md5", md5))}


CHECKSUMS = {
    "s3": "x-amz-checksum-crc32c: {crc32c}",
    "gcs": "x-goog-hash: crc32c={crc32c}",
    "azure-blob": "content-md5: {md5}",
}


@pytest.mark.parametrize("kind", CHECKSUMS)
def test_every_body_goes_with_its_checksum(kind: str, stage: Stage) -> None:
    conn_id = stage.fleet.connect("watched", {"s3": stage.s3, "gcs": stage.gcs, "azure-blob": stage.azure}[kind]())
    place = CONTAINER if kind == "azure-blob" else BUCKET
    declared = {"type": kind, "airflow_conn_id": conn_id, "folder": "sums", "piece_mib": 5, **place}
    pieces = [bytes([number]) * (5 * MIB) for number in range(2)]
    with closing(DESTINATIONS[kind].model_validate(declared).open(stage.fleet, name="acme", threads=2)) as at:
        at.put("small", [b"small"])
        at.put("large", pieces)
    heads = [head.lower() for head in stage.proxies[0].heads if head.startswith("PUT")]
    for body in (b"small", *pieces):
        line = CHECKSUMS[kind].format(**_digests(body)).lower()
        assert sum(line in head for head in heads) == 1, line


def test_bytes_that_change_after_they_have_arrived_are_not_published(fleet: Fleet, tmp_path: Path) -> None:
    """Of the same size: the checksum that the store has now is compared with the one that it confirmed."""
    fleet.connect("tampered", s3.connection(fleet.ministack))
    text = f"{{type: s3, airflow_conn_id: tampered, bucket: {s3.BUCKET}, folder: {tmp_path.name}}}"
    scene = Scene(World(tmp_path, extra={"tampered": fleet.get("tampered")}), type="s3", connection=text)
    staged = scene.world.extract(EXPORT, "tampered")
    scene.upload(staged)
    client = s3.client(fleet.ministack)
    keys = [row["Key"] for row in client.list_objects_v2(Bucket=s3.BUCKET, Prefix=tmp_path.name)["Contents"]]
    part = max(key for key in keys if "part-" in key)
    body = bytearray(client.get_object(Bucket=s3.BUCKET, Key=part)["Body"].read())
    body[len(body) // 2] ^= 1
    client.put_object(Bucket=s3.BUCKET, Key=part, Body=bytes(body))
    with pytest.raises(
        FatalError, match=r"1 of \d+ parts at the destination differ .*: its checksum is .*; nothing is published"
    ):
        scene.world.publish(staged)
    scene.upload(staged)  # the part is not as it was sent: it is sent again
    scene.world.publish(staged)
    assert scene.destination(lambda at: b"".join(at.read(part.partition("/")[2]))) != bytes(body)
