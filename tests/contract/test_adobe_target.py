"""Deliveries that are handed over to Adobe Target, against a server as its public documentation describes it."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import httpx
import pyarrow as pa
import pytest

from sluice.cli import main
from sluice.definition.load import load
from sluice.delivery.hand_over.adobe_target import Api
from sluice.delivery.hand_over.states import BatchReceipt, asked
from sluice.delivery.probe import probed
from sluice.delivery.resend import load_run, publish_again
from sluice.delivery.staging import StagedRun
from sluice.delivery.verify import read_manifest, verify
from sluice.errors import DefinitionError, FatalError, RetriableError
from sluice.model.access import FolderAccess, SecretAccess
from tests.builders import World
from tests.servers.adobe_target import AdobeTarget, adobe_target
from tests.servers.folders import folder_connection

FILES = {
    "catalog/datasets.yaml": """
        people: {kind: profile, key: id, source: {type: parquet, airflow_conn_id: lake, path: people}}
        """,
}
EXPORT = """
kind: dataset-export
connection: target
datasets: [people]
mode: full
chunks: {bytes: 49 MB, records: 10, retries: 0}
"""
ROWS = {"id": [f"p{n}" for n in range(25)], "city": ["a, b+c", "Győr", None, "", "x\ny=%&"] * 5, "age": [7] * 25}
PAGE = Path(__file__).parents[2] / "docs" / "adobe-target.md"


@pytest.fixture
def server() -> Iterator[AdobeTarget]:
    with adobe_target(token="t0ken") as found:
        yield found


@pytest.fixture
def world(tmp_path: Path, server: AdobeTarget) -> World:
    world = World(tmp_path, extra={"token": SecretAccess(b"t0ken")})
    world.declare(FILES)
    connect(world, server)
    world.declare({"exports/profiles.yaml": EXPORT})
    world.dataset("people", pa.table(ROWS))
    return world


def connect(world: World, server: AdobeTarget, **more: str) -> None:
    hand_over = {"type": "adobe-target", "client": "acme", "url": server.url, "airflow_conn_id": "token", **more}
    declared = {"type": "local", "airflow_conn_id": "out", "format": {"type": "adobe-target"}, "hand_over": hand_over}
    world.declare({"connections/target.yaml": json.dumps(declared)})


def receipts(world: World) -> list[dict[str, Any]]:
    (name,) = [name for name in world.delivered() if "handed-over-" in name]
    return list(json.loads((world.root / "out" / name).read_text())["batches"])


def findings(world: World) -> list[str]:
    plan = world.plan("profiles")
    at = plan.connection.destination.open(world, name="target", threads=1)
    return list(verify(read_manifest(plan.manifest, at), at))


def test_each_file_becomes_a_batch(world: World, server: AdobeTarget) -> None:
    world.run("profiles")
    assert len(server.batches) == 3
    assert server.profiles["p0"] == {"city": "a, b+c", "age": "7"}
    assert server.profiles["p1"] == {"city": "Győr", "age": "7"}
    assert server.profiles["p2"] == {"age": "7"}, "null changes nothing"
    assert server.profiles["p4"] == {"city": "x\ny=%&", "age": "7"}
    assert len(server.profiles) == 25
    found = receipts(world)
    assert [one["batch_id"] for one in found] == list(server.batches)
    assert "<status>complete</status><batchSize>5</batchSize>" in httpx.get(found[2]["batch_status"]).text
    assert findings(world) == []


def test_nothing_is_handed_over_before_the_delivery_is_decided(world: World, server: AdobeTarget) -> None:
    staged = world.extract("profiles")
    world.upload(staged)
    assert world.abort(staged).removed == 3
    assert server.batches == {}


def test_who_continues_sends_only_the_rest(world: World, server: AdobeTarget) -> None:
    staged = world.extract("profiles")
    world.upload(staged)
    server.fail_next = [200, 503]  # an answer without content is no success
    with pytest.raises(FatalError, match="did not accept"):
        world.publish(staged)
    server.fail_next = []
    assert server.batches == {}
    server.fail_next = ["lose"]
    with pytest.raises(RetriableError, match="no answer"):
        world.publish(staged)
    assert len(server.batches) == 1
    assert world.abort(staged).published, "the teardown continues"
    assert len(server.batches) == 4, "the batch without an answer is sent again"
    assert len(server.profiles) == 25
    assert len(receipts(world)) == 3
    world.publish(staged)
    assert len(server.batches) == 4
    assert findings(world) == []


@pytest.mark.parametrize("fault", [500, 503, 429, "drop"])
def test_what_passes_is_tried_again(world: World, server: AdobeTarget, fault: int | str) -> None:
    text = EXPORT.replace("retries: 0", "retries: 2, retry_delay: 1ms")
    world.declare({"exports/profiles.yaml": text})
    server.fail_next = [fault, fault]
    world.run("profiles")
    assert len(server.batches) == 3


@pytest.mark.parametrize(
    ("fault", "more", "says"),
    [
        ("refuse", {}, "did not accept a batch"),
        (400, {}, "status 400"),
        (None, {"airflow_conn_id": ""}, "refuses the login: status 401"),
        (None, {"client": "other"}, "status 404"),
    ],
)
def test_what_stays_needs_a_person(
    world: World, server: AdobeTarget, fault: int | str | None, more: dict[str, str], says: str
) -> None:
    connect(world, server, **more)
    staged = world.extract("profiles")
    world.upload(staged)
    server.fail_next = [fault] if fault else []
    with pytest.raises(FatalError, match=says) as refused:
        world.publish(staged)
    assert "t0ken" not in refused.value.page()
    assert len([name for name in world.delivered() if name.endswith(".csv")]) == 3, "its files stay"


def test_a_resend_hands_over_again(world: World, server: AdobeTarget) -> None:
    world.run("profiles")
    before = receipts(world)
    plan = world.plan("profiles")
    load_run(plan.staging, "profiles", str(plan.run.id), world)
    staged = StagedRun.of(plan)
    for sent in world.upload(staged):
        assert sent.records
    publish_again(staged, world, world.now)
    assert len(server.batches) == 6
    assert [one["batch_id"] for one in receipts(world)] != [one["batch_id"] for one in before]


def test_the_pages_declarations_deliver(
    world: World, server: AdobeTarget, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """As they are, but for where they deliver to."""
    blocks = dict(re.findall(r"^# include/(\S+\.yaml)\n(.*?)^```$", PAGE.read_text(), re.DOTALL | re.MULTILINE))
    assert len(blocks) == 4
    customers = "customers: {kind: profile, key: C_CUSTKEY, source: {type: parquet, airflow_conn_id: lake, path: c}}"
    world.declare(blocks)
    world.declare({"catalog/datasets.yaml": customers})
    world.declare({"catalog/segments.yaml": "recent-buyers: {dataset: customers, where: C_CUSTKEY < 3}"})
    world.dataset(
        "c", pa.table({"C_CUSTKEY": [1, 2, 3], "C_MKTSEGMENT": ["A", "B", "C"], "C_ACCTBAL": [1.5, 2.4, 3.0]})
    )
    assert [error.page() for error in load(world.include).errors if "profiles.yaml:" not in error.page()] == []
    form = "airflow_conn_id: out, format: {type: customer-attributes}"
    connect(world, server)
    world.declare({"connections/customer_attributes.yaml": f"{{type: local, {form}}}"})
    world.refresh("recent-buyers")
    world.run("target_profiles")
    assert server.profiles == {"1": {"segment": "A"}, "2": {"segment": "B"}}
    known_to_airflow(world, monkeypatch)
    (command,) = re.findall(r"^```sh\nsluice (.*)\n```$", PAGE.read_text(), re.MULTILINE)
    assert main([*command.split(), "--include", str(world.include)]) == 0
    assert "Adobe Target updated 2 of 2 profiles" in capsys.readouterr().out
    world.run("customer_attributes")
    epoch = int(world.now.timestamp())
    found = [name for name in world.delivered() if name.startswith("crs_")]
    assert found == [f"crs_{epoch}.csv", f"crs_{epoch}.fin"]
    text = (world.root / "out" / f"crs_{epoch}.csv").read_text()
    assert text == "customerID,segment,balance\n1,A,2\n2,B,2\n"


def test_a_missing_login_stops_the_run_before_data_is_read(world: World, server: AdobeTarget) -> None:
    connect(world, server, airflow_conn_id="lake")
    with pytest.raises(DefinitionError, match="not of type generic"):
        world.extract("profiles")
    with pytest.raises(DefinitionError, match="not of type generic"):
        probed(world.plan("profiles").connection, world)


def test_a_parameter_has_no_prefix(world: World) -> None:
    world.dataset("people", pa.table({"id": ["p1"], "profile.city": ["x"]}))
    with pytest.raises(DefinitionError, match=r"`profile\.city` is wrong"):
        world.extract("profiles")


def stopped(world: World, server: AdobeTarget) -> StagedRun:
    """A run that a mistake in the declaration has stopped, which is corrected since."""
    connect(world, server, client="wrong")
    staged = world.extract("profiles")
    world.upload(staged)
    with pytest.raises(FatalError, match="status 404"):
        world.publish(staged)
    connect(world, server)
    return staged


def test_a_corrected_declaration_is_used_by_whoever_continues(world: World, server: AdobeTarget) -> None:
    staged = stopped(world, server)
    world.extract("profiles")  # cleared
    world.publish(staged)
    assert len(server.batches) == 3


def test_the_next_run_hands_the_earlier_delivery_over_first(world: World, server: AdobeTarget) -> None:
    stopped(world, server)
    world.dataset("people", pa.table({"id": ["p0"], "city": ["later"], "age": [8]}))
    world.run("profiles", "manual__2")
    assert len(server.batches) == 4
    assert server.profiles["p0"] == {"city": "later", "age": "8"}


PROFILES = r"""Query = SegmentExportQuery:
Command = string: TargetBulkUpload.exe
Filter = string:
Level = string: Visitor
Oneshot = bool: true
Output Fields = vector: 3 items
0 = ColumnDefinition:
Column Name = string: profile.city
Field Name = string: city
1 = ColumnDefinition:
Column Name = string: mbox3rdPartyId
Field Name = string: id
2 = ColumnDefinition:
Column Name = string: profile.page visits
Field Name = string: =Visits
Output File = string: profiles.txt
Output Format = string: csv
TnT Configuration = TnTConfiguration:
ClientName = string: acme
Domain Postfix = string:
MboxHost = string: HOST
MboxName = string: mbox
"""
VISITORS = """
visitors:
  title: Visitor
  kind: profile
  key: id
  source: {type: parquet, airflow_conn_id: lake, path: people}
  metrics: {Visits: age * 2}
"""


def test_from_the_files_of_data_workbench_to_a_batch(
    tmp_path: Path, server: AdobeTarget, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What Target gets, to the byte: the id first, parameters without `profile.`, all percent-encoded."""
    server.token = ""
    folder = FolderAccess(tmp_path / "out")
    world = World(tmp_path, extra={"data_workbench_exports": folder})
    world.declare({"catalog/datasets.yaml": VISITORS, "exports/.keep": ""})
    host = server.url.removeprefix("http://")
    (tmp_path / "Profiles.export").write_text(PROFILES.replace("HOST", host))
    (tmp_path / "TargetBulkUpload.cfg").write_text("Max Timeout Interval = int: 720\n")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("SLUICE_INCLUDE", str(world.include))
    assert main(["import-workbench", "--target", "TargetBulkUpload.cfg", "--export", "Profiles.export"]) == 0
    path = world.include / "connections" / "target-acme.yaml"
    path.write_text(path.read_text().replace(f"https://{host}", server.url))  # this server has no certificate
    world.dataset("people", pa.table(ROWS))
    assert not load(world.include).errors
    world.refresh("all-visitors")

    assert world.run("profiles").records == 25

    (body,) = server.batches.values()
    cities = ["a%2C%20b%2Bc", "Gy%C5%91r", "", "", "x%0Ay%3D%25%26"] * 5
    lines = [f"p{number},{city},14" for number, city in enumerate(cities)]
    assert body == "\n".join(["batch=thirdPartyId,city,page%20visits", *lines, ""])
    assert server.profiles["p1"] == {"city": "Győr", "page visits": "14"}


def known_to_airflow(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """The connections of the world, for commands."""
    for conn_id in ("lake", "sluice_staging", "out"):
        monkeypatch.setenv(f"AIRFLOW_CONN_{conn_id.upper()}", folder_connection(world.root / conn_id))
    monkeypatch.setenv("AIRFLOW_CONN_TOKEN", json.dumps({"conn_type": "generic", "password": "t0ken"}))


def states(world: World) -> BatchReceipt:
    plan = world.plan("profiles")
    assert plan.connection.hand_over
    with closing(plan.connection.destination.open(world, name="target", threads=1)) as at:
        return asked(plan.connection.hand_over, plan.manifest, read_manifest(plan.manifest, at), at, world)


def test_what_target_has_made_of_batches_is_asked(world: World, server: AdobeTarget) -> None:
    world.run("profiles")
    whole = states(world)
    assert (str(whole), whole.remarks) == ("Adobe Target updated 25 of 25 profiles", ())
    assert [(one.status, one.records, one.successful) for one in whole.batches] == [
        ("complete", 10, 10), ("complete", 10, 10), ("complete", 5, 5)]  # fmt: skip
    assert [login for _, login in server.asked] == ["Bearer t0ken"] * 3

    server.failed = 1
    first, second, _ = server.batches
    server.states = {first: "stuck", second: "incomplete"}
    partly = states(world)
    assert str(partly) == (
        "Adobe Target updated 22 of 25 profiles: 1 batch is stuck, 1 batch is incomplete, 3 profiles failed"
    )

    server.fail_states = [503, 302, 401]
    with pytest.raises(RetriableError, match="cannot say what became of a batch now: status 503"):
        states(world)
    with pytest.raises(FatalError, match="will not say what became of a batch: status 302"):
        states(world)
    with pytest.raises(FatalError, match="refuses the login: status 401"):
        states(world)

    server.batches.clear()
    with pytest.raises(FatalError, match="does not know the batch any more"):
        states(world)
    (document,) = (world.root / "out").rglob("handed-over-*")
    document.write_text("{}")
    with pytest.raises(FatalError, match="does not list receipts"):
        states(world)
    document.unlink()
    with pytest.raises(FatalError, match="has handed nothing over yet"):
        states(world)


@pytest.mark.parametrize("address", ["http://[::1/m2?batchId=x", ""])
def test_an_answer_without_an_address_is_a_receipt_too(world: World, server: AdobeTarget, address: str) -> None:
    """The batch is taken: sent again for ever, the run would never end."""
    server.address = address
    world.run("profiles")
    assert len(server.batches) == 3
    with pytest.raises(FatalError):
        states(world)


@pytest.mark.parametrize(
    ("address", "asks"),
    [
        ("http://mboxedge45.tt.omtrdc.net/m2/acme/profile/batchStatus?batchId=x", "https://mboxedge45.tt.omtrdc.net/"),
        ("http://mboxedge45.tt.omtrdc.net:81/m2?batchId=x", "https://mboxedge45.tt.omtrdc.net/"),
        ("http://tt.omtrdc.net.example.com/m2?batchId=x", ""),
        ("http://evil.example/?x=.tt.omtrdc.net", ""),
        ("http://user@evil.example#.tt.omtrdc.net", ""),
        ("file:///etc/passwd", ""),
        ("http://[::1/m2?batchId=x", ""),
        ("http://mboxedge45.tt.omtrdc.net/\x01?batchId=x", ""),
        ("", ""),
    ],
)
def test_the_login_goes_to_no_other_server(world: World, server: AdobeTarget, address: str, asks: str) -> None:
    declared = world.plan("profiles").connection.hand_over
    assert declared
    with closing(Api(declared, world)) as api:
        if asks:
            assert api._own(address).startswith(asks)
            assert "batchId=x&showDetails=true" in api._own(address)
        else:
            with pytest.raises(FatalError, match="which is not Adobe Target's"):
                api.state(address)
    assert server.asked == []


def test_the_command_keeps_the_answer_and_the_report_shows_it(
    world: World, server: AdobeTarget, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    known_to_airflow(world, monkeypatch)
    include = ["--include", str(world.include)]
    assert main(["receipt", "profiles", *include]) == 1
    assert "no delivery of profiles was handed over" in capsys.readouterr().err
    world.run("profiles")
    server.states = {next(iter(server.batches)): "incomplete"}
    assert main(["receipt", "profiles", *include]) == 1
    assert capsys.readouterr().out == "manual__1: Adobe Target updated 25 of 25 profiles: 1 batch is incomplete\n"
    server.states = {}
    assert main(["receipt", "profiles", "--run", "manual__1", *include]) == 0
    capsys.readouterr()
    assert main(["report", "profiles", "--json", *include]) == 0
    (one,) = json.loads(capsys.readouterr().out.splitlines()[0])["receipts"]
    assert (one["reader"], one["says"]) == ("adobe-target", "Adobe Target updated 25 of 25 profiles")
    assert [batch["consumed"] for batch in one["batches"]] == [10, 10, 5]
