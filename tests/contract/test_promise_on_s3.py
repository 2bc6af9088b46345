"""The delivery promise on a real object store: a fault at each call, runs side by side, and what `verify` finds."""

from __future__ import annotations

import json
import multiprocessing
from collections.abc import Callable, Mapping
from datetime import timedelta
from itertools import count
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest

from sluice import patience
from sluice.cli import main
from sluice.definition.models.export import RETRY_DELAY
from sluice.delivery import abort
from sluice.delivery.commit import committing
from sluice.destinations import retries
from sluice.errors import FatalError, RetriableError
from sluice.model.access import AwsAccess, AwsKeys
from sluice.model.manifest import Manifest
from sluice.model.run import Window
from tests.builders import World
from tests.servers import s3
from tests.servers.faults import Rule, faults
from tests.servers.fleet import Fleet
from tests.unit.delivery.faults import CHANGES, KINDS, Kind, Tape
from tests.unit.delivery.scene import EXPORT, Scene

_numbers = count()


@pytest.fixture
def make(fleet: Fleet, tmp_path: Path) -> Callable[[], Scene]:
    """A scene on a folder of its own."""
    if "promise" not in fleet.connected:
        fleet.connect("promise", s3.connection(fleet.ministack))

    def scene(retries: int = 0, tape: Tape | None = None) -> Scene:
        number = next(_numbers)
        text = f"{{type: s3, airflow_conn_id: promise, bucket: {s3.BUCKET}, folder: promise/{number}}}"
        world = World(tmp_path / str(number), extra={"promise": fleet.get("promise")})
        made = Scene(world, type="s3", connection=text, retries=retries)
        made.tape = tape or Tape()
        return made

    return scene


@pytest.mark.parametrize("kind", KINDS)
def test_a_fault_at_calls_of_every_verb(make: Any, kind: Kind, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(abort, "PAUSES", (0.01,))
    monkeypatch.setattr(committing, "CHECKS", (0.0, 0.0))
    recorded = make()
    recorded.run("struck")
    calls = [call for call in recorded.tape.calls if call.where == "destination"]
    # Parts are alike, and the manifest is the last `put`: the first and the last call of each verb stand for all of
    # them here, and tests/unit/delivery/test_faults.py strikes every one on a disk.
    for verb in dict.fromkeys(call.verb for call in calls):
        alike = [call for call in calls if call.verb == verb]
        if verb not in CHANGES and kind != "fails before":
            continue  # a lookup that fails afterwards, or a process that dies after one, changes nothing
        for call in dict.fromkeys([alike[0], alike[-1]]):
            scene = make(retries=1, tape=Tape(strikes={call: kind}))
            scene.run("struck")
            assert call in scene.tape.struck, f"{call} did not come to pass"
            scene.check(settled=False)
            assert scene.run("after"), f"{call} {kind}"
            scene.check(settled=True)


def test_a_server_that_throttles_for_a_while_delays_a_run_and_nothing_else(
    fleet: Fleet, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As long as ten requests take, with pauses that grow: a minute and more. Here the pauses are a fiftieth."""
    monkeypatch.setattr(retries, "_FIRST", 0.004)
    monkeypatch.setattr(retries, "_LONGEST", 0.3)
    with faults(urlsplit(fleet.ministack).port or 0) as proxy:
        fleet.connect("throttled", s3.connection(f"http://127.0.0.1:{proxy.port}"))
        text = f"{{type: s3, airflow_conn_id: throttled, bucket: {s3.BUCKET}, folder: promise/throttled}}"
        scene = Scene(World(tmp_path, extra={"throttled": fleet.get("throttled")}), type="s3", connection=text)
        slow = Rule("answer", status=503, code="SlowDown", times=8)
        proxy.rules.append(slow)
        before = retries.REPEATED.count
        assert scene.run("throttled")
        assert slow.seen == slow.times, "it was throttled"
        assert retries.REPEATED.count - before >= slow.times
        scene.check(settled=True)


def test_staging_that_throttles_for_longer_than_its_client_waits_is_left_to_airflows_retry(
    fleet: Fleet, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The default delays, 30 s and 60 s, are longer than a minute together."""
    monkeypatch.setattr(patience, "PATIENCE", timedelta(seconds=1))
    assert sum(RETRY_DELAY.total_seconds() * 2**attempt for attempt in range(2)) > 60
    with faults(urlsplit(fleet.ministack).port or 0) as proxy:
        fleet.connect("slow_staging", s3.connection(f"http://127.0.0.1:{proxy.port}"))
        world = World(tmp_path, extra={"sluice_staging": fleet.get("slow_staging")})
        world.declare({"project.yaml": f"staging: {{airflow_conn_id: sluice_staging, path: {s3.BUCKET}/slow}}"})
        scene = Scene(world)
        slow = Rule("answer", status=503, code="SlowDown")
        proxy.rules.append(slow)
        with pytest.raises(RetriableError, match=r"connection sluice_staging: .* 503"):
            world.extract(EXPORT, "throttled")
        assert slow.seen > 1, "the client has tried again by itself"
        proxy.rules.clear()
        assert scene.run("throttled")
        scene.check(settled=True)


class Shelf:
    """The `Watermarks` protocol in a file: what several processes share, and none can compare and set."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def get(self, export: str) -> Mapping[str, Any] | None:
        return json.loads(self._path.read_text()).get(export) if self._path.exists() else None

    def set(self, export: str, value: Mapping[str, Any]) -> None:
        beside = self._path.with_suffix(".new")
        beside.write_text(json.dumps({export: value}))
        beside.replace(self._path)


def access(address: str) -> AwsAccess:
    """What the Airflow connection gives, without the seconds that Airflow takes to be imported in a new process."""
    return AwsAccess(lambda: AwsKeys(s3.KEY, s3.SECRET), "us-east-1", address, path_style=True)


def one_of_many(root: Path, address: str, run_id: str, run: dict[str, Any], start: Any) -> None:
    """A process of its own, which delivers when all of them are ready."""
    world = World(root, extra={"promise": access(address)}, now=run.pop("now"))
    world.watermarks = Shelf(root / "watermarks.json")  # type: ignore[assignment]
    world.plan(EXPORT, run_id, **run)
    start.wait(300)
    try:
        world.run(EXPORT, run_id, **run)
    except FatalError as refused:
        print(f"{run_id}: {refused.what}")


def test_two_runs_and_a_backfill_beside_them_mix_nothing(make: Any, fleet: Fleet) -> None:
    scene = make()
    root = scene.world.root
    scene.keep(Shelf(root / "watermarks.json"))
    fresh = multiprocessing.get_context("forkserver")
    fresh.set_forkserver_preload([__name__])  # imports once
    window = Window(after=scene.world.now - timedelta(hours=3), until=scene.world.now)
    for number in range(2):
        start = fresh.Barrier(3)
        runs: dict[str, dict[str, Any]] = {f"one{number}": {}, f"two{number}": {}, f"slice{number}": {"window": window}}
        args = [(root, fleet.ministack, run_id, run | {"now": scene.world.now}, start) for run_id, run in runs.items()]
        processes = [fresh.Process(target=one_of_many, args=one) for one in args]
        for process in processes:
            process.start()
        for process in processes:
            process.join(600)
        assert [process.exitcode for process in processes] == [0, 0, 0]
        scene.check(settled=False)
        scene.arrive(10)
    assert scene.run("after")
    scene.check(settled=True)


class TestVerify:
    """`sluice verify`, on what lies in the store."""

    @pytest.fixture
    def scene(self, make: Any, monkeypatch: pytest.MonkeyPatch) -> Scene:
        scene: Scene = make()
        monkeypatch.setattr("sluice.commands.verify.AirflowConnections", lambda: scene.world)
        return scene

    def findings(self, scene: Scene, capsys: pytest.CaptureFixture[str]) -> list[str]:
        """What the command prints of the one delivery, but for the last line; its status says whether that is all."""
        (name,) = [name for name in scene.before if "manifest-" in name]
        address = scene.destination(lambda at: at.locate(name))
        status = main(["verify", address, "--include", str(scene.world.include)])
        *found, last = capsys.readouterr().out.splitlines()
        assert last.endswith(f": {len(found)} differences")
        assert status == bool(found)
        return found

    def part(self, scene: Scene) -> str:
        return next(name for name in sorted(scene.before) if "part-00001" in name)

    def test_nothing_where_all_is_well(self, scene: Scene, capsys: pytest.CaptureFixture[str]) -> None:
        assert self.findings(scene, capsys) == []

    def test_a_flipped_byte(self, scene: Scene, capsys: pytest.CaptureFixture[str]) -> None:
        body = bytearray(scene.before[self.part(scene)])
        body[len(body) // 2] ^= 1
        scene.destination(lambda at: at.put(self.part(scene), [bytes(body)]))
        (found,) = self.findings(scene, capsys)
        assert found.startswith(f"bytes: {self.part(scene)} has SHA-256")

    def test_another_length(self, scene: Scene, capsys: pytest.CaptureFixture[str]) -> None:
        scene.destination(lambda at: at.put(self.part(scene), [scene.before[self.part(scene)][:-1]]))
        (found,) = self.findings(scene, capsys)
        assert found.startswith(f"size: {self.part(scene)}")

    def test_a_missing_part(self, scene: Scene, capsys: pytest.CaptureFixture[str]) -> None:
        scene.destination(lambda at: at.remove([self.part(scene)]))
        (found,) = self.findings(scene, capsys)
        assert found.startswith(f"missing: {self.part(scene)}")

    def test_an_extra_part(self, scene: Scene, capsys: pytest.CaptureFixture[str]) -> None:
        extra = self.part(scene).replace("part-00001", "part-00077")
        scene.destination(lambda at: at.put(extra, [b"more"]))
        (found,) = self.findings(scene, capsys)
        assert found.startswith(f"extra: {extra}")

    def test_a_wrong_count(self, scene: Scene, capsys: pytest.CaptureFixture[str]) -> None:
        (name,) = [name for name in scene.before if "manifest-" in name]
        manifest = Manifest.model_validate_json(scene.before[name])
        wrong = manifest.model_copy(update={"records": manifest.records + 1})
        scene.destination(lambda at: at.put(name, [wrong.model_dump_json().encode()]))
        (found,) = self.findings(scene, capsys)
        assert found.startswith("totals: the manifest says 21 records")
