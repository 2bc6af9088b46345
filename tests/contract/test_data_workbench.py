"""An export of Data Workbench, from its two files to objects in S3 and a trait in Audience Manager.

The files and the commands are those of docs/data-workbench.md, whose values are those of the product's own page. The
commands for the secrets are run against a real store of Airflow's, and the runs have the connections that they made.
"""

from __future__ import annotations

import io
import json
import re
import threading
from collections.abc import Iterator, Mapping
from contextlib import redirect_stdout
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest

from sluice.cli import main
from sluice.definition.load import load
from sluice.destinations.objects import ObjectStore
from sluice.errors import FatalError, RetriableError, Skipped
from tests.builders import World
from tests.servers import audience_manager as audience
from tests.servers import s3, ssh
from tests.servers.airflow_connections import stored
from tests.servers.audience_manager import AudienceManager, audience_manager
from tests.servers.faults import FaultProxy, Rule, faults
from tests.servers.fleet import Fleet
from tests.servers.s3 import Bucket
from tests.unit.workbench.samples import CRS

PAGE = (Path(__file__).parents[2] / "docs" / "data-workbench.md").read_text()
FILES = dict(re.findall(r"^`([\w/.-]+)`:\n```\w+\n(.*?)^```$", PAGE, re.DOTALL | re.MULTILINE))
CONNECTIONS = ("data_workbench_s3", "data_workbench_api", "customer_attributes")
BUCKET, ROWS, LOG = "aws-bucket-for-mmp", 3500, "test/files/MMP-030926-040500-user.log"


@pytest.fixture
def server() -> Iterator[AudienceManager]:
    with audience_manager() as found:
        yield found


@pytest.fixture
def proxy(fleet: Fleet) -> Iterator[FaultProxy]:
    """In front of S3."""
    with faults(int(fleet.ministack.rsplit(":", 1)[1])) as found:
        yield found


@pytest.fixture
def bucket(fleet: Fleet) -> Iterator[Bucket]:
    with s3.bucket(fleet.ministack, BUCKET) as found:
        yield found


SECRETS = {
    "S3_ACCESS_KEY": s3.KEY,
    "S3_SECRET_KEY": s3.SECRET,
    "AAM_CLIENT_ID": audience.CLIENT,
    "AAM_CLIENT_SECRET": audience.SECRET,
    "AAM_USERNAME": audience.USER,
    "AAM_PASSWORD": audience.PASSWORD,
    "CRS_HOST": "sftp.example.com",
    "CRS_USER": ssh.USER,
    "CRS_PASSWORD": ssh.PASSWORD,
}


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> dict[str, dict[str, Any]]:
    """The connections that the printed commands make."""
    folder = tmp_path_factory.mktemp("store")
    files = FILES | {"Customers.export": CRS, "include/exports/.keep": ""}
    for name in (
        "MMPExport.cfg",
        "User.export",
        "Customers.export",
        "include/catalog/datasets.yaml",
        "include/exports/.keep",
    ):
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(files[name])
    exports = [str(folder / "User.export"), str(folder / "Customers.export")]
    words = ["--mmp", str(folder / "MMPExport.cfg"), "--crs", "customer-attributes", "--out", str(folder / "include")]
    with redirect_stdout(io.StringIO()) as printed:
        assert main(["import-workbench", "--export", *exports, *words, "--dry-run"]) == 0
    commands = re.findall(r"^ *(sluice airflow connections add .*)$", printed.getvalue(), re.MULTILINE)
    found = stored(folder, commands, **SECRETS)
    assert list(found) == sorted(CONNECTIONS)
    assert len(commands) == 3
    return found


def connect(fleet: Fleet, conn_id: str, stored: dict[str, Any], extra: Mapping[str, Any], **place: Any) -> None:
    """The stored connection, but for the place of its server: that is on this machine."""
    kept = {key: stored[key] for key in ("conn_type", "host", "login", "password", "schema", "port") if stored[key]}
    fleet.connect(conn_id, json.dumps(kept | place | {"extra": json.loads(stored["extra"] or "{}") | extra}))


@pytest.fixture
def world(
    tmp_path: Path,
    fleet: Fleet,
    store: dict[str, dict[str, Any]],
    server: AudienceManager,
    bucket: Bucket,
    proxy: FaultProxy,
    monkeypatch: pytest.MonkeyPatch,
) -> World:
    """What the import has written, and the connections that its commands have made."""
    config = FILES["MMPExport.cfg"].replace("aws_bucket_for_mmp", BUCKET)  # S3 takes no `_` in new names
    for end, value in {"Chunk = int:": "1000", "Threads = int:": "4", "Failure = unsigned int:": "2"}.items():
        config = config.replace(end, f"{end} {value}")
    (tmp_path / "MMPExport.cfg").write_text(config)
    (tmp_path / "User.export").write_text(FILES["User.export"])
    (tmp_path / "Customers.export").write_text(CRS)
    world = World(tmp_path)
    catalog = {"catalog/datasets.yaml": FILES["include/catalog/datasets.yaml"]}
    world.declare(catalog | {"project.yaml": "staging: {airflow_conn_id: sluice_staging}\n", "exports/.keep": ""})
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("SLUICE_INCLUDE", str(world.include))
    words = ["--mmp", "MMPExport.cfg", "--crs", "customer-attributes"]
    assert main(["import-workbench", "--export", "User.export", "Customers.export", *words]) == 0
    endpoints = {name: {"endpoint_url": f"http://127.0.0.1:{proxy.port}"} for name in ("s3", "sts")}
    path_style = {"s3": {"addressing_style": "path"}}
    bucket_, api, account = (store[name] for name in CONNECTIONS)
    connect(fleet, CONNECTIONS[0], bucket_, {"service_config": endpoints, "config_kwargs": path_style})
    connect(fleet, CONNECTIONS[1], api, {"token_url": f"{server.address}/oauth/token"}, host=f"{server.address}/v1")
    sftp = fleet.asyncssh
    connect(fleet, CONNECTIONS[2], account, {"host_key": sftp.host_key}, host="127.0.0.1", port=sftp.port)
    world.extra |= {name: fleet.get(name) for name in CONNECTIONS}
    path = world.include / "exports" / "user.yaml"
    path.write_text(path.read_text() + "log: delivery\n")
    path = world.include / "connections" / "data-workbench.yaml"
    path.write_text(path.read_text() + "retry_for: 0s\n")  # the retries of chunks are the only ones
    columns = {"Tracking ID": "t", "PID": "p", "SID": "s"}
    views = {name: [f"{letter}{row}" for row in range(ROWS)] for name, letter in columns.items()}
    world.dataset("page-views", pa.table({"Hit ID": range(ROWS), "views": [1] * ROWS, **views}), files=2)
    assert not load(world.include).errors
    world.refresh("all-page-views")
    return world


def test_from_the_files_of_data_workbench_to_audience_manager(
    world: World, server: AudienceManager, bucket: Bucket, proxy: FaultProxy
) -> None:
    proxy.rules.append(Rule("answer", "PUT", "MMPTest_", times=1))
    report = world.run("user")

    assert (report.records, server.log.count("GET /v1/segments/12345") > 0) == (ROWS, True)
    found = {kind: [one["name"] for one in server.kept[f"folders/{kind}"]] for kind in ("traits", "segments")}
    assert found == {"traits": ["895"], "segments": ["895"]}
    assert [trait["traitRule"] for trait in server.kept["traits"]] == ['ic == "895-12345"']
    parts = [key for key in bucket.names() if re.fullmatch(r"test/files/MMPTest_.*_0000\d\.txt", key)]
    lines = [bucket.read(part).splitlines(keepends=True) for part in parts]
    assert [len(one) for one in lines] == [1000, 1000, 1000, 500]
    assert b"".join(map(b"".join, lines)) == b"".join(b"t%d\tp%d\ts%d\r\n" % (i, i, i) for i in range(ROWS))
    log = bucket.read(LOG).decode()
    assert "at most 1,000 records per chunk, 4 threads, 2 retries of each chunk" in log
    assert sorted(re.findall(r"bytes, (\d) tr(?:y|ies): ", log)) == ["1", "1", "1", "2"]
    assert set(bucket.names()) - {*parts, LOG} == {f"test/files/{report.manifest.rpartition('/test/files/')[2]}"}


def test_it_is_done_with_its_delivery(world: World, bucket: Bucket) -> None:
    world.run("user")
    delivered = bucket.names()
    with pytest.raises(Skipped):
        world.run("user", "manual__2")
    assert bucket.names() == delivered


def test_chunks_are_sent_at_the_same_time(world: World, proxy: FaultProxy, monkeypatch: pytest.MonkeyPatch) -> None:
    """Every chunk waits until all four are being sent."""
    together = threading.Barrier(4)
    put = ObjectStore.put

    def waits(self: Any, name: str, *more: Any) -> Any:
        if "MMPTest_" in name:
            together.wait(300)
        return put(self, name, *more)

    monkeypatch.setattr(ObjectStore, "put", waits)
    world.run("user")


def test_a_fault_that_lasts_fails_after_the_declared_retries(world: World, bucket: Bucket, proxy: FaultProxy) -> None:
    proxy.rules.append(Rule("answer", "PUT", "MMPTest_.*_00000"))
    staged = world.extract("user")
    with pytest.raises(RetriableError):
        world.upload(staged)
    assert len([head for head in proxy.heads if re.match(r"PUT \S*MMPTest_\S*_00000", head)]) == 3
    assert not any("manifest" in key for key in bucket.names())


def test_a_busy_server_is_asked_again_within_the_only_try_of_a_chunk(
    world: World, bucket: Bucket, proxy: FaultProxy
) -> None:
    """`retry_for` has its default again, and the profile's default of no retries."""
    path = world.include / "connections" / "data-workbench.yaml"
    path.write_text(path.read_text().replace("retry_for: 0s\n", ""))
    path = world.include / "exports" / "user.yaml"
    path.write_text(path.read_text().replace("retries: 2", "retries: 0"))
    proxy.rules.append(Rule("answer", "PUT", "MMPTest_", times=1))
    assert world.run("user").records == ROWS
    assert sorted(re.findall(r"bytes, (\d) tr(?:y|ies): ", bucket.read(LOG).decode())) == ["1"] * 4


def test_an_unknown_segment_is_refused_before_anything_is_sent(
    world: World, server: AudienceManager, bucket: Bucket
) -> None:
    server.kept["segments"].clear()
    with pytest.raises(FatalError, match="has no segment 12345"):
        world.run("user")
    assert bucket.names() == []
    assert not any(server.kept.values())


def test_the_stored_connections_are_those_of_the_commands(store: dict[str, dict[str, Any]]) -> None:
    said = {name: (one["conn_type"], one["host"], one["login"], one["password"]) for name, one in store.items()}
    assert said == {
        "data_workbench_s3": ("aws", None, SECRETS["S3_ACCESS_KEY"], SECRETS["S3_SECRET_KEY"]),
        "data_workbench_api": ("http", None, SECRETS["AAM_CLIENT_ID"], SECRETS["AAM_CLIENT_SECRET"]),
        "customer_attributes": ("sftp", SECRETS["CRS_HOST"], SECRETS["CRS_USER"], SECRETS["CRS_PASSWORD"]),
    }
    assert json.loads(store["data_workbench_s3"]["extra"]) == {"region_name": "us-east-1"}
    user = {"username": SECRETS["AAM_USERNAME"], "user_password": SECRETS["AAM_PASSWORD"]}
    assert json.loads(store["data_workbench_api"]["extra"]) == user


def test_customer_records_become_a_data_file_and_a_trigger_on_an_sftp_server(world: World, fleet: Fleet) -> None:
    """The file first, then the manifest, and the empty `.fin` file of the same name at the end."""
    values = ["plain", 'say "so"', "a, b", "C:\\x", None]
    table = {"Hit ID": range(6), "Tracking ID": ["c0", "c1", "c2", "c3", "c4", "c1"], "PID": [*values, "again"]}
    world.dataset("page-views", pa.table({**table, "SID": ["s"] * 6, "views": [1, 2, 3, 4, 5, 6]}), files=2)
    world.refresh("all-page-views", run_id="again")

    report = world.run("customers")

    root = fleet.asyncssh.folder
    data, trigger = sorted(path for path in root.iterdir() if path.name.startswith("crs-test_"))
    assert (report.records, report.feeds["all-page-views"].rejected) == (5, 1), "customers are unique"
    assert data.read_bytes().decode() == (
        'Tracking ID,product,views\nc0,plain,1\nc1,"say \\"so\\"",2\nc2,"a, b",3\nc3,"C:\\\\x",4\nc4,,5\n'
    )
    assert (data.suffix, trigger.suffix, data.stem) == (".csv", ".fin", trigger.stem)
    assert trigger.read_bytes() == b""
    (manifest,) = (root / "manifests").iterdir()
    assert data.stat().st_mtime_ns <= manifest.stat().st_mtime_ns <= trigger.stat().st_mtime_ns
