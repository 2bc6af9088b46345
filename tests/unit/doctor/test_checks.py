"""Each thing that may be wrong with an installation is said by `doctor`, with what to do."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from sluice.attempt import Attempt
from sluice.definition.load import load
from sluice.definition.models.project import Project
from sluice.delivery.report.report import versions
from sluice.doctor import machine
from sluice.doctor.check import Check, size
from sluice.doctor.clocks import Clock, check_clocks, http_clock, store_clock, worker_clocks
from sluice.doctor.resources import check_disk, check_memory
from sluice.doctor.staging import check_shared, check_staging
from sluice.doctor.timeouts import check_timeouts
from sluice.doctor.versions import check_versions
from sluice.doctor.workers import KEPT, PODS, Seen, Timeouts, Worker, Workers, current, this_worker
from sluice.filesystem import Opened, open_filesystem
from sluice.patience import BRIEF, PATIENCE, patience
from tests.builders import World
from tests.unit.delivery.people import FILES

NOW = datetime(2026, 3, 9, 4, 5, tzinfo=UTC)
MB, GB = 10**6, 10**9


def worker(host: str = "w1", **values: object) -> Worker:
    known = {"host": host, "at": NOW, "task": "export people, run r1, extract", "memory": 8 * GB, "free": 7 * GB}
    return Worker.model_validate(known | {"disk": 50 * GB, "temporary": "/tmp", "versions": versions()} | values)


def seen(*workers: Worker, stored: datetime = NOW) -> list[Seen]:
    return [Seen(one, stored) for one in workers]


def told(checks: Iterable[Check]) -> list[tuple[str, str]]:
    return [(one.state, one.what) for one in checks]


@pytest.fixture
def world(tmp_path: Path) -> World:
    world = World(tmp_path)
    world.declare(FILES)
    return world


def project(world: World, **keys: object) -> Project:
    text = FILES["exports/people.yaml"].strip().removesuffix("}")
    world.declare({"exports/people.yaml": text + "".join(f", {key}: {value}" for key, value in keys.items()) + "}"})
    return load(world.include).project


class TestStaging:
    def test_a_folder_that_creates_files_once_is_ok(self, world: World) -> None:
        (check,) = check_staging(world.plan("people").staging, world)
        assert (check.state, list((world.root / "sluice_staging").rglob("*probe*"))) == ("ok", [])

    def test_a_server_that_ignores_the_condition_is_an_error(
        self, world: World, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        def create(opened: Opened, name: str, body: bytes) -> bool:
            opened.write_bytes(name, body)
            return True

        monkeypatch.setattr(Opened, "create", create)
        (check,) = check_staging(world.plan("people").staging, world)
        assert check.state == "error"
        assert "created twice" in check.what

    def test_a_missing_connection_is_an_error(self, world: World) -> None:
        staging = world.plan("people").staging.model_copy(update={"airflow_conn_id": "nowhere"})
        (check,) = check_staging(staging, world)
        assert (check.state, check.what) == ("error", "there is no Airflow connection nowhere")

    def test_a_full_disk_is_a_warning(self, world: World, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr("sluice.doctor.staging.LEAST", 10**18)
        (check,) = check_staging(world.plan("people").staging, world)
        assert check.state == "warning"
        assert "free space there" in check.next_step

    def test_a_worker_that_ran_tasks_and_left_no_note_sees_another_folder(self) -> None:
        (check,) = check_shared(seen(worker("w1")), {"w1", "w2"})
        assert check.state == "error"
        assert check.what.startswith("w2 ran tasks of exports, but left no note")

    def test_workers_that_left_notes_share_it(self) -> None:
        assert [one.state for one in check_shared(seen(worker("w1"), worker("w2")), {"w1", "w2"})] == ["ok"]
        assert [one.state for one in check_shared([], set())] == ["warning"]


class TestWorkers:
    def notes(self, world: World) -> Workers:
        return Workers.of(world.plan("people").staging, world)

    def test_a_note_is_replaced_and_read(self, world: World) -> None:
        notes = self.notes(world)
        notes.note(worker("w1", cores=1))
        notes.note(this_worker("me", "export people, run r2, extract", Timeouts(executor="CeleryExecutor", at_once=16)))
        notes.note(worker("w1", cores=2))
        found = {one.worker.host: one.worker for one in notes.seen()}
        assert found["w1"].cores == 2
        mine = next(one for host, one in found.items() if host != "w1")
        assert (mine.versions, mine.airflow.at_once) == (versions(), 16)
        assert min(mine.cores, mine.memory, mine.disk) > 0

    @pytest.mark.parametrize("host", ["../../out", "A b\n", "x" * 300, "", "\udcff", "CON.json"])
    def test_a_hostile_host_stays_in_the_folder(self, world: World, host: str) -> None:
        notes = self.notes(world)
        notes.note(worker("w1"))
        notes.note(worker(host.encode("utf-8", "replace").decode()))
        assert len(notes.seen()) == 2
        assert [path.parent.name for path in (world.root / "sluice_staging").rglob("*.json")] == ["workers"] * 2

    def test_what_is_no_note_is_left_out(self, world: World) -> None:
        notes = self.notes(world)
        notes.note(worker("w1"))
        folder = world.root / "sluice_staging" / "staging" / "workers"
        (folder / "cut.json").write_text('{"host": "w2"')
        (folder / "other.txt").write_text("mine")
        assert [one.worker.host for one in notes.seen()] == ["w1"]

    def test_notes_are_read_side_by_side(self, world: World, monkeypatch: pytest.MonkeyPatch) -> None:
        """Each read waits for another one that has begun."""
        notes, read, together = self.notes(world), Opened.find_bytes, threading.Barrier(2)
        for number in (3, 1, 2, 0):
            notes.note(worker(f"w{number}"))

        def meeting(opened: Opened, name: str) -> bytes | None:
            together.wait(300)
            return read(opened, name)

        monkeypatch.setattr(Opened, "find_bytes", meeting)
        assert [one.worker.host for one in notes.seen()] == ["w0", "w1", "w2", "w3"]

    def test_a_person_is_not_kept_waiting(self) -> None:
        assert Attempt("some", patience).outcome(time.monotonic() + 60) == BRIEF < PATIENCE

    def test_old_notes_go(self, world: World) -> None:
        notes = self.notes(world)
        assert notes.since() is None
        notes.note(worker("w1"))
        first = notes.since()
        assert first is not None
        notes.note(worker("w1"))
        assert notes.since() == first
        notes.forget(datetime.now(UTC) + KEPT - timedelta(minutes=1))
        assert len(notes.seen()) == 1
        notes.forget(datetime.now(UTC) + KEPT + timedelta(minutes=1))
        assert (notes.seen(), notes.since()) == ([], first)

    def test_the_last_pods_stand_for_those_that_are_gone(self) -> None:
        pods = [worker(f"pod-{number}", airflow={"executor": "KubernetesExecutor"}) for number in range(3 * PODS)]
        notes = [Seen(one, NOW + timedelta(minutes=number)) for number, one in enumerate(pods)]
        others = seen(worker("w1", airflow={"executor": "CeleryExecutor"}), stored=NOW - timedelta(days=3))
        assert current([*notes, *others]) == [*notes[-PODS:], *others]


class TestVersions:
    def test_equal_ones_are_ok(self) -> None:
        (check,) = check_versions(versions(), seen(worker()))
        assert check.state == "ok"
        assert "the same on 1 worker" in check.what

    def test_a_worker_of_another_version_is_named(self) -> None:
        old = worker("w2", versions={**versions(), "sluice": "0.0.9", "python": "3.11.0"})
        (check,) = check_versions({**versions(), "python": "3.11.7"}, seen(worker("w1"), old))
        assert check.state == "warning"
        assert check.what.startswith("worker w2 has sluice 0.0.9 (here ")
        assert "python" not in check.what, "its patch release changes nothing"

    def test_a_library_outside_the_supported_range_is_an_error(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr("sluice.doctor.versions.requires", lambda _: ["pyarrow>=99,<100", "no-such-thing>=1"])
        checks = list(check_versions(versions(), []))
        assert [one.state for one in checks] == ["error", "error"]
        assert "pip install 'pyarrow<100,>=99'" in checks[0].next_step


class TestClocks:
    def test_an_hour_is_an_error_and_a_minute_a_warning(self) -> None:
        clocks = [Clock("worker w1", -3600), Clock("worker w2", 60), Clock("the API server", 0.4)]
        assert told(check_clocks(clocks)) == [
            ("error", "the clock of worker w1 is 1:00:00 behind this machine's"),
            ("warning", "the clock of worker w2 is 0:01:00 ahead of this machine's"),
        ]

    def test_a_worker_is_compared_with_the_store_that_kept_its_note(self) -> None:
        (clock,) = worker_clocks(seen(worker("w1"), stored=NOW + timedelta(hours=1)))
        assert (clock.ahead, clock.than) == (-3600, "that of staging's store")

    def test_the_store_is_asked_by_a_file(self, world: World) -> None:
        opened = open_filesystem(world, "sluice_staging", "staging")
        assert store_clock(opened).ahead == 0
        assert opened.list() == []

    def test_the_header_of_an_answer(self) -> None:
        clock = http_clock("it", "Mon, 09 Mar 2026 03:05:00 GMT", NOW)
        assert clock is not None
        assert clock.ahead == -3600
        assert http_clock("it", "", NOW) is None
        assert http_clock("it", "yesterday", NOW) is None

    def test_good_clocks_are_one_line(self) -> None:
        assert told(check_clocks([Clock("a", 0.0), Clock("b", 2.0)])) == [("ok", "a, b: within 2.0 s")]


class TestResources:
    @pytest.mark.parametrize(
        ("values", "tasks", "state"),
        [
            ({}, 4, "ok"),
            ({"memory": 700 * MB}, 1, "error"),
            ({"airflow": {"at_once": 16}}, 40, "warning"),
            ({"airflow": {"at_once": 16}}, 2, "ok"),
            ({"free": 100 * MB}, 1, "warning"),
        ],
    )
    def test_memory(self, values: dict[str, object], tasks: int, state: str) -> None:
        (check,) = check_memory(worker(**values), 512 * MB, tasks)
        assert check.state == state

    def test_memory_that_is_unknown_is_not_judged(self) -> None:
        assert list(check_memory(worker(memory=0, free=0), 512 * MB, 4)) == []

    @pytest.mark.parametrize(("disk", "state"), [(50 * GB, "ok"), (GB, "warning"), (50 * MB, "error"), (0, "error")])
    def test_disk(self, disk: int, state: str) -> None:
        (check,) = check_disk(worker(disk=disk), 512 * MB)
        assert check.state == state

    def test_a_container_has_less_than_its_machine(self, tmp_path: Path) -> None:
        meminfo = tmp_path / "meminfo"
        meminfo.write_text("MemTotal:       16000000 kB\nMemAvailable:    8000000 kB\nHugePages_Total:   0\n")
        assert machine.memory(meminfo, tmp_path) == (16_384_000_000, 8_192_000_000)
        (tmp_path / "memory.max").write_text("1000000000\n")
        (tmp_path / "memory.current").write_text("400000000\n")
        assert machine.memory(meminfo, tmp_path) == (10**9, 600_000_000)
        (tmp_path / "memory.max").write_text("max\n")
        assert machine.memory(meminfo, tmp_path).total == 16_384_000_000
        assert machine.memory(tmp_path / "none", tmp_path / "none") == (0, 0)

    def test_sizes(self) -> None:
        found = [size(count) for count in (0, 999, 512 * MB, 7_200_000_000, 12 * 10**12)]
        assert found == ["0 bytes", "999 bytes", "512 MB", "7.2 GB", "12 TB"]


class TestTimeouts:
    GOOD = Timeouts(
        executor="CeleryExecutor",
        dagbag_import_timeout=30,
        dag_file_processor_timeout=50,
        task_instance_heartbeat_timeout=300,
        max_map_length=1024,
        visibility_timeout=86400,
    )

    @pytest.fixture
    def said(self, world: World) -> object:
        declared = project(world)
        return lambda parse=1.0, **values: told(check_timeouts(self.GOOD.model_copy(update=values), parse, declared))

    def test_good_ones(self, said) -> None:  # type: ignore[no-untyped-def]
        assert said() == [("ok", "CeleryExecutor: long enough; the exports' DAG file takes 1.0 s")]
        assert said(dagbag_import_timeout=None, max_map_length=None, visibility_timeout=None)[0][0] == "ok"

    @pytest.mark.parametrize(
        ("parse", "values", "state", "word"),
        [
            (20.0, {}, "warning", "dagbag_import_timeout"),
            (40.0, {}, "error", "every export disappears"),
            (1.0, {"dag_file_processor_timeout": 30}, "warning", "dag_file_processor_timeout"),
            (1.0, {"task_instance_heartbeat_timeout": 20}, "warning", "counts as dead"),
            (1.0, {"visibility_timeout": 3600}, "warning", "gives it to a second worker"),
            (1.0, {"max_map_length": 3}, "error", "its task `chunk` would fail"),
        ],
    )
    def test_low_ones(self, said, parse: float, values: dict[str, float], state: str, word: str) -> None:  # type: ignore[no-untyped-def]
        ((found, what),) = said(parse, **values)
        assert (found, word in what) == (state, True)

    def test_a_time_limit_bounds_what_the_broker_must_wait(self, world: World) -> None:
        limited = project(world, time_limit="1 hour")
        quick = self.GOOD.model_copy(update={"visibility_timeout": 7200})
        assert told(check_timeouts(quick, None, limited))[0][0] == "ok"


def test_a_check_is_a_line_and_a_next_step() -> None:
    check = Check("error", "pools", "there is no pool p", "import it")
    assert check.text == "error    pools: there is no pool p\n           next: import it"
