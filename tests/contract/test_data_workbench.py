"""An export of Data Workbench, from its two files to objects in S3 and a trait in Audience Manager.

The files and the commands are those of docs/data-workbench.md, whose values are those of the product's own page.
"""

from __future__ import annotations

import re
import shlex
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest

from sluice.cli import main
from sluice.definition.load import load
from sluice.destinations.objects import ObjectStore
from sluice.errors import FatalError, RetriableError, Skipped
from sluice.refresh.evaluate import evaluate_segment
from tests.builders import NOW, World
from tests.servers import s3
from tests.servers.audience_manager import AudienceManager, audience_manager, connection
from tests.servers.faults import FaultProxy, Rule, faults
from tests.servers.fleet import Fleet

PAGE = (Path(__file__).parents[2] / "docs" / "data-workbench.md").read_text()
FILES = dict(re.findall(r"^`([\w/.-]+)`:\n```\w+\n(.*?)^```$", PAGE, re.DOTALL | re.MULTILINE))
BUCKET, ROWS, LOG = "aws-bucket-for-mmp", 3500, "test/files/MMP-030926-040500-user.log"


@pytest.fixture
def server() -> Iterator[AudienceManager]:
    with audience_manager() as found:
        found.add("segments", sid=12345, name="Loyal", segmentRule="7T")
        yield found


@pytest.fixture
def proxy(fleet: Fleet) -> Iterator[FaultProxy]:
    """In front of S3."""
    with faults(int(fleet.ministack.rsplit(":", 1)[1])) as found:
        yield found


@pytest.fixture
def bucket(fleet: Fleet) -> Iterator[Any]:
    client = s3.client(fleet.ministack)
    client.create_bucket(Bucket=BUCKET)
    yield client
    for one in client.list_objects_v2(Bucket=BUCKET).get("Contents", []):
        client.delete_object(Bucket=BUCKET, Key=one["Key"])
    client.delete_bucket(Bucket=BUCKET)


@pytest.fixture
def world(
    tmp_path: Path,
    fleet: Fleet,
    server: AudienceManager,
    bucket: Any,
    proxy: FaultProxy,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> World:
    """What the import has written, and connections as its commands name them."""
    config = FILES["MMPExport.cfg"].replace("aws_bucket_for_mmp", BUCKET)  # S3 takes no `_` in new names
    for end, value in {"Chunk = int:": "1000", "Threads = int:": "4", "Failure = unsigned int:": "2"}.items():
        config = config.replace(end, f"{end} {value}")
    (tmp_path / "MMPExport.cfg").write_text(config)
    (tmp_path / "User.export").write_text(FILES["User.export"])
    world = World(tmp_path)
    catalog = {"catalog/datasets.yaml": FILES["include/catalog/datasets.yaml"]}
    world.declare(catalog | {"project.yaml": "staging: {airflow_conn_id: sluice_staging}\n", "exports/.keep": ""})
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("SLUICE_INCLUDE", str(world.include))
    assert main(["import-workbench", "--mmp", "MMPExport.cfg", "--export", "User.export"]) == 0
    printed = re.findall(r"^ *(sluice airflow connections add .*)$", capsys.readouterr().out, re.MULTILINE)
    stored = dict(map(added, printed))
    assert stored == {"data_workbench_s3": "aws", "data_workbench_api": "http"}
    fleet.connect("data_workbench_s3", s3.connection(f"http://127.0.0.1:{proxy.port}"))
    fleet.connect("data_workbench_api", connection(server.address))
    world.extra |= {name: fleet.get(name) for name in stored}
    path = world.include / "exports" / "user.yaml"
    path.write_text(path.read_text() + "log: delivery\n")
    path = world.include / "connections" / "data-workbench.yaml"
    path.write_text(path.read_text() + "retry_for: 0s\n")  # the retries of chunks are the only ones
    columns = {"Tracking ID": "t", "PID": "p", "SID": "s"}
    views = {name: [f"{letter}{row}" for row in range(ROWS)] for name, letter in columns.items()}
    world.dataset("page-views", pa.table({"Hit ID": range(ROWS), "views": [1] * ROWS, **views}), files=2)
    loaded = load(world.include)
    assert not loaded.errors
    evaluate_segment(loaded.project, "all-page-views", world, "refresh", NOW)
    return world


def added(command: str) -> tuple[str, str]:
    words = shlex.split(command)
    return words[4], words[words.index("--conn-type") + 1]


def keys(bucket: Any) -> list[str]:
    return [one["Key"] for one in bucket.list_objects_v2(Bucket=BUCKET).get("Contents", [])]


def read(bucket: Any, key: str) -> bytes:
    return bytes(bucket.get_object(Bucket=BUCKET, Key=key)["Body"].read())


def test_from_the_files_of_data_workbench_to_audience_manager(
    world: World, server: AudienceManager, bucket: Any, proxy: FaultProxy
) -> None:
    proxy.rules.append(Rule("answer", "PUT", "MMPTest_", times=1))
    report = world.run("user")

    assert (report.records, server.log.count("GET /v1/segments/12345") > 0) == (ROWS, True)
    found = {kind: [one["name"] for one in server.kept[f"folders/{kind}"]] for kind in ("traits", "segments")}
    assert found == {"traits": ["895"], "segments": ["895"]}
    assert [trait["traitRule"] for trait in server.kept["traits"]] == ['ic == "895-12345"']
    parts = [key for key in keys(bucket) if re.fullmatch(r"test/files/MMPTest_.*_0000\d\.txt", key)]
    lines = [read(bucket, part).splitlines(keepends=True) for part in parts]
    assert [len(one) for one in lines] == [1000, 1000, 1000, 500]
    assert b"".join(map(b"".join, lines)) == b"".join(b"t%d\tp%d\ts%d\r\n" % (i, i, i) for i in range(ROWS))
    log = read(bucket, LOG).decode()
    assert "at most 1,000 records per chunk, 4 threads, 2 retries of each chunk" in log
    assert sorted(re.findall(r"bytes, (\d) tr(?:y|ies): ", log)) == ["1", "1", "1", "2"]
    assert set(keys(bucket)) - {*parts, LOG} == {f"test/files/{report.manifest.rpartition('/test/files/')[2]}"}


def test_it_is_done_with_its_delivery(world: World, bucket: Any) -> None:
    world.run("user")
    delivered = keys(bucket)
    with pytest.raises(Skipped):
        world.run("user", "manual__2")
    assert keys(bucket) == delivered


def test_chunks_are_sent_at_the_same_time(world: World, proxy: FaultProxy, monkeypatch: pytest.MonkeyPatch) -> None:
    """Every chunk waits until all four are being sent."""
    together = threading.Barrier(4)
    put = ObjectStore.put

    def waits(self: Any, name: str, *more: Any) -> Any:
        if "MMPTest_" in name:
            together.wait(60)
        return put(self, name, *more)

    monkeypatch.setattr(ObjectStore, "put", waits)
    world.run("user")


def test_a_fault_that_lasts_fails_after_the_declared_retries(world: World, bucket: Any, proxy: FaultProxy) -> None:
    proxy.rules.append(Rule("answer", "PUT", "MMPTest_.*_00000"))
    staged = world.extract("user")
    with pytest.raises(RetriableError):
        world.upload(staged)
    assert len([head for head in proxy.heads if re.match(r"PUT \S*MMPTest_\S*_00000", head)]) == 3
    assert not any("manifest" in key for key in keys(bucket))


def test_an_unknown_segment_is_refused_before_anything_is_sent(
    world: World, server: AudienceManager, bucket: Any
) -> None:
    server.kept["segments"].clear()
    with pytest.raises(FatalError, match="has no segment 12345"):
        world.run("user")
    assert keys(bucket) == []
    assert not any(server.kept.values())
