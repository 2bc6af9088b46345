"""The command that follows a delivery: what it gets, what it may not see, and how it ends. The processes are real."""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Callable, Mapping
from datetime import timedelta
from pathlib import Path

import pyarrow as pa
import pytest

from sluice.definition.models.commands import Command
from sluice.definition.settings import read_settings
from sluice.delivery.deliver import deliver
from sluice.delivery.follow_up import follow_up as module
from sluice.delivery.follow_up import program
from sluice.delivery.follow_up.follow_up import follow_up
from sluice.delivery.follow_up.program import LINES, run_program
from sluice.delivery.report.history import History
from sluice.delivery.staging import StagedRun
from sluice.errors import FatalError, Skipped
from sluice.plan.explain import explain
from tests.builders import World

STOP = threading.Event


def script(folder: Path, text: str, name: str = "program") -> Path:
    path = folder / name
    path.write_text(f"#!/bin/sh\n{text}\n")
    path.chmod(0o755)
    return path


@pytest.fixture
def world(tmp_path: Path) -> World:
    world = World(tmp_path)
    world.dataset("people", pa.table({"id": range(5)}))
    return world


def declare(
    world: World,
    text: str,
    arguments: str = '["%file%"]',
    limit: str = "1 min",
    records: int = 2,
    once_per: str = "delivery",
) -> None:
    source = "{type: parquet, airflow_conn_id: lake, path: people}"
    world.declare(
        {
            "project.yaml": f"commands: {{convert: {{program: {script(world.root, text)}, time_limit: {limit}}}}}",
            "catalog/datasets.yaml": f"people: {{kind: profile, key: id, source: {source}}}",
            "connections/out.yaml": "{type: local, airflow_conn_id: out}",
            "exports/people.yaml": f"""
                kind: dataset-export
                connection: out
                datasets: [people]
                mode: full
                chunks: {{records: {records}}}
                follow_up: {{command: convert, arguments: {arguments}, once_per: {once_per}}}
                """,
        }
    )


def run(world: World, **more: object) -> list[str]:
    """Deliver, run the command, and return what it printed."""
    world.run("people", **more)
    return after(world, **more)


def after(world: World, **more: object) -> list[str]:
    said: list[str] = []
    follow_up(StagedRun.of(world.plan("people", **more)), allowed(world), world, said.append)
    return said[1:]


def allowed(world: World) -> Mapping[str, Command]:
    return read_settings(world.include).settings.commands


def test_an_argument_with_a_file_is_repeated_for_each_part(world: World) -> None:
    declare(world, 'for one in "$@"; do echo "[$one]"; done', '[--all, "%file%.cfg", "%file%"]')
    out = world.root / "out"
    said = run(world)
    parts = [str(out / name) for name in world.delivered() if "part-" in name]
    assert len(parts) == 3
    assert said == ["[--all]", *(f"[{part}.cfg]" for part in parts), *(f"[{part}]" for part in parts)]


def test_a_command_may_run_once_for_each_part(world: World) -> None:
    """Pairs of a file and its name with an ending, as Data Workbench passes them."""
    text = f'echo "$*"; echo run >> {world.root}/runs; test $(wc -l < {world.root}/runs) -lt "$(cat {world.root}/most)"'
    declare(world, text, '[-x, "%file%.cfg", "%file%", "%manifest%"]', once_per="file")
    (world.root / "most").write_text("9")
    said = [one for one in run(world) if not one.startswith("$")]
    parts = [str(world.root / "out" / name) for name in world.delivered() if "part-" in name]
    assert [one.split()[:3] for one in said] == [["-x", f"{part}.cfg", part] for part in parts]
    assert len({one.split()[3] for one in said}) == 1
    (world.root / "runs").unlink()
    (world.root / "most").write_text("2")
    with pytest.raises(FatalError, match="convert has failed for file 2 of 3 with exit code 1: the delivery is"):
        after(world)
    assert (world.root / "runs").read_text().count("run") == 2, "the first failure ends it"
    assert f"once per file, {world.root}/program -x %file%.cfg" in explain(world.plan("people"))


def test_arguments_reach_the_program_as_they_are_without_a_shell(world: World) -> None:
    declare(world, 'for one in "$@"; do echo "[$one]"; done', """["$HOME", "a b", "`id`; rm -rf /", '"', "*", "-x"]""")
    assert run(world) == ["[$HOME]", "[a b]", "[`id`; rm -rf /]", '["]', "[*]", "[-x]"]


def test_the_manifest_is_a_copy_that_goes_with_the_command(world: World) -> None:
    declare(world, 'cat "$1"; echo "$1" > ' + str(world.root / "path"), '["%manifest%"]')
    said = run(world)
    (name,) = [name for name in world.delivered() if "manifest-" in name]
    assert said == (world.root / "out" / name).read_text().splitlines()
    path = Path((world.root / "path").read_text().strip())
    assert path.name == name.rsplit("/", 1)[-1]
    assert not path.parent.exists()


def test_its_environment_has_no_secrets(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AIRFLOW_CONN_OUT", "s3://key:hunter2@")
    monkeypatch.setenv("SOME_TOKEN", "hunter2")
    declare(world, "env; pwd", "[]")
    said = run(world)
    names = {line.split("=")[0] for line in said if "=" in line}
    assert names <= {"PATH", "LANG", "HOME", "TMPDIR", "PWD", "OLDPWD", "SHLVL", "_"}
    assert not any("hunter2" in line for line in said)
    assert Path(said[-1]).name.startswith("sluice-follow-up-"), "it works in a folder of its own"


def test_its_exit_code_decides(world: World) -> None:
    declare(world, "echo about to fail; exit 3")
    world.run("people")
    said: list[str] = []
    with pytest.raises(FatalError, match="the command convert has failed with exit code 3: the delivery is published"):
        follow_up(StagedRun.of(world.plan("people")), allowed(world), world, said.append)
    assert said[-1] == "about to fail"
    (report,) = History(world.plan("people").staging, "people", world).last(1)
    assert report.outcome == "published"
    assert report.warnings == ("follow-up: the command convert has failed with exit code 3: the delivery is published",)


def test_a_signal_is_a_failure(world: World) -> None:
    declare(world, "kill -9 $$")
    with pytest.raises(FatalError, match="signal 9"):
        run(world)


@pytest.mark.parametrize(
    ("spoil", "why"),
    [
        (lambda path: path.unlink(), "No such file or directory"),
        (lambda path: path.chmod(0o644), "Permission denied"),
        (lambda path: path.write_bytes(b"\x00\x01"), "Exec format error"),
    ],
)
def test_what_cannot_be_started_says_why(world: World, spoil: Callable[[Path], object], why: str) -> None:
    declare(world, "true")
    spoil(world.root / "program")
    with pytest.raises(FatalError, match=f"program cannot be started: {why}"):
        run(world)


def test_nothing_of_it_outlives_its_time_limit(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """Neither the program, which ignores the request to stop, nor what it has started."""
    monkeypatch.setattr(program, "GRACE", 0.2)
    declare(world, f"sleep 1000 & echo $! > {world.root}/pid\ntrap '' TERM\nsleep 1000", "[]", "500ms")
    with pytest.raises(FatalError, match="stopped at its time limit of 500ms"):
        run(world)
    assert_ended(int((world.root / "pid").read_text()))


def assert_ended(pid: int) -> None:
    deadline = time.monotonic() + 30
    while time.monotonic() < deadline:
        try:
            os.kill(pid, 0)
            if Path(f"/proc/{pid}/stat").read_text().split()[2] == "Z":  # nobody has waited for it
                return
        except (ProcessLookupError, FileNotFoundError):
            return
        time.sleep(0.05)
    raise AssertionError(f"{pid} is alive")


def test_what_it_leaves_in_the_background_does_not_keep_its_task(world: World) -> None:
    declare(world, f"sleep 1000 & echo $! > {world.root}/pid; echo done", "[]")
    assert run(world) == ["done"]
    assert_ended(int((world.root / "pid").read_text()))


def test_it_stops_when_its_task_is_stopped(tmp_path: Path) -> None:
    stop = STOP()
    threading.Timer(0.3, stop.set).start()
    with pytest.raises(FatalError, match="its task was"):
        run_program([str(script(tmp_path, "sleep 1000"))], tmp_path, timedelta(minutes=5), lambda _: None, stop)


def test_what_it_prints_is_bounded_and_readable(tmp_path: Path) -> None:
    text = r"printf 'a\033[31mb\377\r\n'; head -c 100000 /dev/zero | tr '\0' x; echo; seq 20000"
    said: list[str] = []
    assert run_program([str(script(tmp_path, text))], tmp_path, timedelta(minutes=5), said.append, STOP()) == 0
    assert said[0] == "a [31mb\ufffd"
    assert said[1] == "x" * 4096, "the rest of a line that is too long is left out"
    assert said[2] == "1"
    assert said[-1] == "... more than 10,000 lines: the others are left out"
    assert len(said) == LINES + 1


def test_it_runs_only_for_what_is_delivered_and_wakes_others(world: World) -> None:
    declare(world, "echo ran")
    staged = world.extract("people")
    world.upload(staged)
    with pytest.raises(Skipped, match="published nothing"):
        after(world)
    world.publish(staged)
    assert after(world) == ["ran"]
    assert after(world) == ["ran"], "a cleared task runs it again"


def test_it_is_the_command_that_the_project_allows_now(world: World) -> None:
    declare(world, "sleep 1000", limit="200ms")
    with pytest.raises(FatalError, match="time limit of 200ms"):
        run(world)
    script(world.root, "echo ran")
    said: list[str] = []
    follow_up(StagedRun.of(world.plan("people")), allowed(world), world, said.append)
    assert said[-1] == "ran"
    with pytest.raises(FatalError, match="the project no longer allows the command convert: it was not run"):
        follow_up(StagedRun.of(world.plan("people")), {}, world, said.append)


@pytest.mark.parametrize(("wake", "ran"), [(False, False), (True, True)])
def test_a_backfill_runs_it_if_it_wakes_what_follows(world: World, wake: bool, ran: bool) -> None:
    declare(world, "echo ran")
    more = {"run_id": "backfill__1", "run_type": "backfill", "wake_downstream": wake}
    if ran:
        assert run(world, **more) == ["ran"]
    else:
        with pytest.raises(Skipped, match="a backfill runs no command"):
            run(world, **more)


def test_a_delivery_without_files(world: World) -> None:
    world.dataset("people", pa.table({"id": pa.array([], pa.int64())}))
    declare(world, "echo ran")
    with pytest.raises(Skipped, match="the delivery has no files"):
        run(world)
    declare(world, "echo ran", '["%manifest%"]')
    assert run(world, run_id="manual__2") == ["ran"]


def test_too_many_files_are_not_passed_one_by_one(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "MOST", 2)
    declare(world, "echo ran")
    with pytest.raises(FatalError, match="3 files, and at most 2 are passed as arguments") as caught:
        run(world)
    assert "%manifest%" in str(caught.value.next_step)
    declare(world, "echo ran", '["%manifest%"]')
    assert run(world, run_id="manual__2") == ["ran"]


def test_without_airflow_it_runs_too(world: World) -> None:
    declare(world, "echo ran; exit $1", "['0']")
    said: list[str] = []
    plan = world.plan("people")
    project, _ = world._load("people")
    assert deliver(project, plan, world, lambda: world.now, said.append) is not None
    assert "follow_up: ran" in said
    assert f"  then        convert: {world.root}/program 0, at most 1m" in explain(plan)

    dry = world.plan("people", "manual__2", dry_run=True)
    said.clear()
    assert deliver(project, dry, world, lambda: world.now, said.append) is None
    assert not any("follow_up" in line for line in said)

    declare(world, "exit $1", "['7']")
    project, _ = world._load("people")
    with pytest.raises(FatalError, match="exit code 7"):
        deliver(project, world.plan("people", "manual__3"), world, lambda: world.now, said.append)
    assert len([name for name in world.delivered() if "manifest-" in name]) == 2, "it is delivered"
