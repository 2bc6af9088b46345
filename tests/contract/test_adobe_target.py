"""Deliveries that are handed over to Adobe Target, against a server as its public documentation describes it."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pyarrow as pa
import pytest

from sluice.definition.load import load
from sluice.delivery.probe import probed
from sluice.delivery.resend import load_run, publish_again
from sluice.delivery.staging import StagedRun
from sluice.delivery.verify import read_manifest, verify
from sluice.errors import DefinitionError, FatalError, RetriableError
from sluice.model.access import SecretAccess
from sluice.refresh.evaluate import evaluate_segment
from tests.builders import World
from tests.servers.adobe_target import AdobeTarget, adobe_target

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


def test_the_pages_declarations_deliver(world: World, server: AdobeTarget) -> None:
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
    loaded = load(world.include)
    assert [error.page() for error in loaded.errors if "profiles.yaml:" not in error.page()] == []
    form = "airflow_conn_id: out, format: {type: csv, compression: none}"
    connect(world, server)
    world.declare({"connections/customer_attributes.yaml": f"{{type: local, {form}}}"})
    evaluate_segment(loaded.project, "recent-buyers", world, "refresh", world.now)
    world.run("target_profiles")
    assert server.profiles == {"1": {"segment": "A"}, "2": {"segment": "B"}}
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


def test_a_corrected_declaration_is_used_by_whoever_continues(world: World, server: AdobeTarget) -> None:
    connect(world, server, client="wrong")
    staged = world.extract("profiles")
    world.upload(staged)
    with pytest.raises(FatalError, match="status 404"):
        world.publish(staged)
    connect(world, server)
    world.extract("profiles")  # cleared
    world.publish(staged)
    assert len(server.batches) == 3


def test_the_next_run_hands_the_earlier_delivery_over_first(world: World, server: AdobeTarget) -> None:
    connect(world, server, client="wrong")
    staged = world.extract("profiles")
    world.upload(staged)
    with pytest.raises(FatalError, match="status 404"):
        world.publish(staged)
    connect(world, server)
    world.dataset("people", pa.table({"id": ["p0"], "city": ["later"], "age": [8]}))
    world.run("profiles", "manual__2")
    assert len(server.batches) == 4
    assert server.profiles["p0"] == {"city": "later", "age": "8"}
