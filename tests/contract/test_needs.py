"""What a run asks of a destination and what `sluice check --connect` tries are one list: verb by verb, at S3 request by
request. The probe reports each request that is denied."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import pytest

from sluice.destinations.objects import ObjectStoreConfig
from sluice.destinations.probe import NEEDS, Probed, probe
from sluice.destinations.s3 import S3
from sluice.errors import FatalError
from tests.builders import World
from tests.servers import s3
from tests.servers.faults import FaultProxy, Rule, faults
from tests.servers.fleet import Fleet
from tests.unit.delivery.faults import Tape
from tests.unit.delivery.scene import EXPORT, Scene

NEIGHBOURS = {"locate", "close"}
"""Verbs that ask no server."""


@pytest.fixture
def proxy(fleet: Fleet) -> Iterator[FaultProxy]:
    with faults(urlsplit(fleet.ministack).port or 0) as proxy:
        yield proxy


@pytest.fixture
def scene(fleet: Fleet, proxy: FaultProxy, tmp_path: Path) -> Scene:
    fleet.connect("needs", s3.connection(f"http://127.0.0.1:{proxy.port}"))
    text = f"{{type: s3, airflow_conn_id: needs, bucket: {s3.BUCKET}, folder: {tmp_path.name}, retry_for: 1s}}"
    return Scene(World(tmp_path, extra={"needs": fleet.get("needs")}), type="s3", connection=text)


def tried(scene: Scene) -> Probed:
    connection = scene.world.plan(EXPORT).connection
    return probe(connection.destination, scene.world, name=connection.name)


def operation(head: str) -> str:
    """A request by the name that S3's permissions know it by."""
    method, path = head.split(" ")[:2]
    query = parse_qs(urlsplit(path).query, keep_blank_values=True)
    if "uploads" in query:
        return f"{method} uploads"
    if "list-type" in query:
        return "list"
    return f"{method} {'part' if 'partNumber' in query else 'upload' if 'uploadId' in query else 'object'}"


def asked(proxy: FaultProxy) -> set[str]:
    """What was asked since the last time."""
    found, proxy.heads = {operation(head) for head in proxy.heads}, []
    return {"DELETE object" if one == "POST object" else one for one in found}  # S3 deletes many by a POST


def test_the_probe_calls_every_verb_that_a_run_calls(scene: Scene) -> None:
    """`tests/unit/delivery/test_faults.py` shows that a run calls these and no others."""
    tape = Tape()
    with tape.recording(S3):
        tried(scene)
    assert {call.verb for call in tape.calls} - NEIGHBOURS == set(NEEDS)


def test_the_probe_asks_s3_for_all_that_a_run_asks(
    scene: Scene, proxy: FaultProxy, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked(proxy)
    tried(scene)
    probed = asked(proxy)
    monkeypatch.setattr(ObjectStoreConfig, "piece", property(lambda _: 64))  # so that files of the run are large ones
    lost = Rule("lose", method="POST", path="manifest-.*uploadId", times=1)
    ended = Rule("answer", method="POST", path="manifest-.*uploadId", times=1, status=404, code="NoSuchUpload")
    proxy.rules += [lost, ended]
    assert scene.run("published")
    assert lost.seen
    scene.arrive(10)
    proxy.rules.append(
        Rule("answer", method="PUT", path="part-00002.*uploadId", times=1, status=403, code="AccessDenied")
    )
    assert not scene.run("aborted")
    delivered = asked(proxy)
    assert delivered == probed
    assert "list" not in probed


def test_without_a_right_to_list_a_run_publishes(scene: Scene, proxy: FaultProxy) -> None:
    """Nor does S3 say then that a file is missing: a look is denied, whatever is there."""
    proxy.rules.append(Rule("answer", path="list-type=2", status=403, code="AccessDenied"))
    proxy.rules.append(Rule("missing", method="HEAD", status=403))
    assert tried(scene).denied == {}
    assert scene.run("published")
    proxy.rules.clear()
    scene.check(settled=True)


def test_without_a_right_to_remove_a_connection_delivers_and_says_so(scene: Scene, proxy: FaultProxy) -> None:
    denied = Rule("answer", method="DELETE|POST", path=r"[?]delete|^[^?]*$", status=403, code="AccessDenied")
    proxy.rules.append(denied)
    for _ in range(2):
        probed = tried(scene)
        assert set(probed.denied) == {"remove"}
        assert re.search(
            "which stays: .*parts of failed runs stay at the destination: .*permission denied", str(probed)
        )
    assert scene.run("published")
    proxy.rules.clear()
    assert [name for name in scene.destination(lambda at: [one.name for one in at.list("")]) if "probe" in name] == [
        "sluice-probe.txt"
    ]


def test_without_a_right_to_list_uploads_a_connection_delivers_and_says_so(scene: Scene, proxy: FaultProxy) -> None:
    proxy.rules.append(Rule("answer", method="GET", path="uploads", status=403, code="AccessDenied"))
    assert set(tried(scene).denied) == {"abort"}
    assert scene.run("published")


def test_where_a_look_may_not_ask_for_the_checksum_it_asks_without(scene: Scene, proxy: FaultProxy) -> None:
    """S3 denies it to those who may encrypt by a KMS key and not decrypt."""
    proxy.rules.append(Rule("answer", method="HEAD", status=403, times=1))
    part = next(name for name in scene.before if "part-" in name)
    found = scene.destination(lambda at: at.stat(part))
    assert found is not None
    assert found.size == len(scene.before[part])


@pytest.mark.parametrize("method", ["PUT", "GET"])
def test_without_a_right_that_a_run_needs_a_connection_does_not_deliver(
    scene: Scene, proxy: FaultProxy, method: str
) -> None:
    proxy.rules.append(Rule("answer", method=method, path="probe", status=403, code="AccessDenied"))
    with pytest.raises(FatalError, match=r"permission denied \(403 AccessDenied\)"):
        tried(scene)
