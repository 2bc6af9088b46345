"""docs/audience-manager.md, from its declarations to objects in S3 and a trait in Audience Manager.

The server with Audience Manager's API is ours, written from the public documentation: `tests/servers`.
"""

from __future__ import annotations

import gzip
import re
from collections.abc import Iterator
from pathlib import Path

import pyarrow as pa
import pytest

from sluice.definition.load import load
from sluice.errors import FatalError, RetriableError
from tests.builders import NOW, World
from tests.servers import s3
from tests.servers.audience_manager import AudienceManager, Fault, audience_manager, connection
from tests.servers.fleet import Fleet
from tests.servers.s3 import Bucket

PAGE = Path(__file__).parents[2] / "docs" / "audience-manager.md"
OTHERS = {
    "project.yaml": "staging: {airflow_conn_id: sluice_staging}\n",
    "catalog/datasets.yaml": """
        visitors:
          kind: profile
          key: ecid
          source: {type: parquet, airflow_conn_id: lake, path: visitors}
    """,
    "catalog/segments.yaml": "loyal: {dataset: visitors, where: visits > 1}\n",
}
BUCKET, FOLDER = "demdex-s2s-clients", "acme/date=2026-03-09/"


@pytest.fixture
def server() -> Iterator[AudienceManager]:
    with audience_manager() as found:
        yield found


@pytest.fixture
def bucket(fleet: Fleet) -> Iterator[Bucket]:
    with s3.bucket(fleet.ministack, BUCKET) as found:
        yield found


@pytest.fixture
def world(tmp_path: Path, fleet: Fleet, server: AudienceManager, bucket: Bucket) -> World:
    """The declarations of the page, with connections to the servers."""
    fleet.connect("aam_s3", s3.connection(fleet.ministack))
    fleet.connect("audience_manager", connection(server.address))
    world = World(tmp_path, extra={name: fleet.get(name) for name in ("aam_s3", "audience_manager")})
    blocks = re.findall(r"^`include/(\S+\.yaml)`:\n```yaml\n(.*?)^```$", PAGE.read_text(), re.DOTALL | re.MULTILINE)
    assert len(blocks) == 2
    world.declare(OTHERS | dict(blocks))
    ecids = [str(10**37 + number) for number in range(300)]
    visitors = {"ecid": [*ecids, "no ecid"], "gender": ["m", "f", None] * 100 + ["m"], "visits": [2] * 301}
    world.dataset("visitors", pa.table(visitors), files=2)
    assert not load(world.include).errors
    world.refresh("loyal")
    return world


def test_a_delivery_from_declaration_to_audience_manager(world: World, server: AudienceManager, bucket: Bucket) -> None:
    server.faults.append(Fault("POST /v1/traits", 503))
    report = world.run("loyal-visitors")
    assert (report.records, report.rejected) == (300, 1)
    folders = {kind: server.kept[f"folders/{kind}"] for kind in ("traits", "segments")}
    assert [[folder["name"] for folder in found] for found in folders.values()] == [["895"], ["895"]]
    (trait,) = server.kept["traits"]
    assert (trait["traitRule"], trait["folderId"]) == ('ic == "895-12345"', folders["traits"][0]["folderId"])
    name = f"{FOLDER}ftp_dpm_895_{int(NOW.timestamp())}.sync.gz"
    manifests = [key for key in bucket.names() if key != name]
    assert len(manifests) == 1
    assert manifests[0].startswith("acme/sluice/manifest-")
    lines = gzip.decompress(bucket.read(name)).decode().split("\n")
    assert len(lines) == 301
    assert lines[:4] == [
        f'{10**37}\tic=895-12345,"gender"="m"',
        f'{10**37 + 1}\tic=895-12345,"gender"="f"',
        f"{10**37 + 2}\tic=895-12345",
        f'{10**37 + 3}\tic=895-12345,"gender"="m"',
    ]


def test_an_outage_is_retried_by_the_task_and_nothing_is_created_twice(
    world: World, server: AudienceManager, bucket: Bucket
) -> None:
    path = world.include / "connections" / "audience-manager.yaml"
    path.write_text(path.read_text().replace('"895"}', '"895", retry_for: 0s}'))
    server.faults.append(Fault("POST /v1/traits", act=True))
    with pytest.raises(RetriableError, match="does not answer"):
        world.run("loyal-visitors")
    assert bucket.names() == []
    world.run("loyal-visitors")
    assert len(bucket.names()) == 2
    assert [len(server.kept[kind]) for kind in ("folders/traits", "folders/segments", "traits")] == [1, 1, 1]


def test_an_unknown_segment_is_refused_before_anything_is_sent(
    world: World, server: AudienceManager, bucket: Bucket
) -> None:
    server.kept["segments"].clear()
    with pytest.raises(FatalError, match="has no segment 12345"):
        world.run("loyal-visitors")
    assert bucket.names() == []
    assert not any(server.kept.values())
